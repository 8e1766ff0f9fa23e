select state[2] = 1
