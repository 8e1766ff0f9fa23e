select
    case
        when
            coalesce(cardinality(array_positions(state, queues[1])) < rooms[1], true)
            and coalesce(cardinality(array_positions(state, queues[2])) < rooms[2], true)
            then array['yes'] || state[2:] || queues
        else array['no'] || state[2:]
    end
