-- What became of all deliveries.
--
-- reply  'ok', 4… for each endpoint ever heard of: id, name or empty, ms that
--        the oldest event waits, -1 if none does, breaker (0 closed, 1 open,
--        2 half open), then for each type from 1 to 8: total, ok, dead

-- include base
-- include outbox
-- include breaker
local E_TYPES = 8

local counts, ids, order = {}, {}, {}
local flat = call('HGETALL', STATS)

for k = 1, #flat, 2 do
    local id = string.match(flat[k], '^([^:]+):')

    counts[flat[k]] = tonumber(flat[k + 1])

    if not ids[id] then
        ids[id] = true
        order[#order + 1] = id
    end
end

local registered = call('HGETALL', ENDPOINTS)
local names = {}

for k = 1, #registered, 2 do
    names[registered[k]] = cmsgpack.unpack(registered[k + 1])[N_NAME]

    if not ids[registered[k]] then
        order[#order + 1] = registered[k]
    end
end

table.sort(order)

local reply = { 'ok', now, 0 }

for _, id in ipairs(order) do
    local n = #reply

    reply[n + 1], reply[n + 2] = id, names[id] or ''
    reply[n + 3], reply[n + 4] = oldest_of(id), breaker_state(id)

    for type = 1, E_TYPES do
        for _, what in ipairs({ 'total', 'ok', 'dead' }) do
            reply[#reply + 1] = counts[id .. ':' .. what .. ':' .. type] or 0
        end
    end
end

return reply
