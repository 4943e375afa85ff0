-- Who is in a room, LiveKit says when it is asked.
--
-- ARGV   10… for each person there: identity, sid, when the session was made
--        (ms of LiveKit's clock), device type or empty
-- reply  'ok', 4 deadlines that were acted on, see parts/acting.lua

-- include base
-- include room
-- include outbox
-- include events
-- include leaving
-- include joining
-- include sessions
-- include acting
local room = load_room(ROOM)

if not room or not is_live(room) then
    return { 'ok', now, 0, {} }
end

local there = {}

for k = 10, #ARGV, 4 do
    there[ARGV[k]] = { ARGV[k + 1], tonumber(ARGV[k + 2]), ARGV[k + 3] }
    room[AGE] = now + ARGV[MAX_AGE]
end


local function is_news(member, sid, made_at)
    return not contains(member[DEAD] or {}, sid)
           and not contains(room[STRAYS], sid) and made_at >= member[SID_AT]
           and not (member[LINK] == LIVE and member[SID] == sid)
end


-- Missing once may be the listing's fault.
local function note_absent(member)
    if member[ABSENT_AT] == 0 then
        member[ABSENT_AT] = now
        room[ASK_AT] = math.min(room[ASK_AT], now + ASK_AGAIN)

    elseif now - member[ABSENT_AT] >= ASK_AGAIN then
        member[ABSENT_AT] = 0
        start_grace(member, GRACE, ARGV[REJOIN])
    end
end


for _, member in ipairs(room[MEMBERS]) do
    local session = there[member[UID]]

    if is_active(member) then
        if session then
            member[ABSENT_AT] = 0

            local sid, made_at, device = unpack(session)

            if is_news(member, sid, made_at) then
                connect(room, member, sid, made_at, device)

            -- a track was heard of, which does not say on which
            elseif member[LINK] == LIVE and member[SID] == sid
                and device ~= ''
            then
                member[DEVICE] = device
            end

        elseif member[LINK] == LIVE then
            note_absent(member)
        end
    end
end

-- the deadline that asked
if room[ASKED_UNTIL] > 0 then
    room[ASKED_UNTIL] = 0
    act(room)
end

return { 'ok', now, save(room), fired }
