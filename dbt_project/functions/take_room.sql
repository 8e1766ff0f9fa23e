select
    case
        when coalesce(state[1] + amount <= room, true) then array[state[1] + amount, 1]
        else array[state[1], 0]
    end
