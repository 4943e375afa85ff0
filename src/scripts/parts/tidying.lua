-- What is kept of the past, and for how long.


-- Forgets what is older than a time; returns whether there may be more.
local function tidy(before)
    before = math.max(0, before)

    local letters = call('ZRANGEBYSCORE', DEAD_AGE, '-inf', before, 'LIMIT', 0,
                         LETTERS_AT_ONCE)

    call('XTRIM', LOG, 'MINID', string.format('%.0f', before))

    if #letters > 0 then
        call('HDEL', DEAD_LETTERS, unpack(letters))
        call('ZREM', DEAD_AGE, unpack(letters))
    end

    return #letters == LETTERS_AT_ONCE
end


