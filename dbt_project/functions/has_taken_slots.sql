select state[1] = 'yes'
