-- A room as it stands, ended or not.
--
-- reply  'ok', and from 4 as add_room(); 'unknown'

-- include base
-- include room
-- include look
local room = load_room(ROOM)

if not room then
    return { 'unknown', now }
end

local reply = { 'ok', now, 0 }

add_room(reply, room)

return reply
