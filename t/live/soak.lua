-- The agents of t/live/soak.t, each a thread of wrk with one connection:
--
--     wrk -t AGENTS -c AGENTS … -s soak.lua URL -- KEY SECRET ROUND CALLS
--
-- An agent makes CALLS calls, one after the other: rung, answered, connected by
-- LiveKit's word, hung up.  It says "done" when it has made them, or which step
-- was not answered 200.

local ffi = require "ffi"

ffi.cdef [[
    typedef struct evp_md_st  EVP_MD;

    const EVP_MD *EVP_sha256(void);
    unsigned char *SHA256(const unsigned char *data, size_t len,
        unsigned char *digest);
    unsigned char *HMAC(const EVP_MD *md, const void *key, int key_len,
        const unsigned char *data, size_t len, unsigned char *digest,
        unsigned int *digest_len);
    int EVP_EncodeBlock(unsigned char *text, const unsigned char *data,
        int len);
]]

-- wrk is linked with libcrypto
local crypto = ffi.C

local digest = ffi.new("unsigned char[32]")
local text = ffi.new("unsigned char[1024]")

local agents = 0


function setup(thread)
    agents = agents + 1
    thread:set("agent", agents)
end


local function base64(data, len)
    return ffi.string(text, crypto.EVP_EncodeBlock(text, data, len))
end


local function base64url(data, len)
    return (base64(data, len):gsub("[+/=]", { ["+"] = "-", ["/"] = "_",
                                              ["="] = "" }))
end


local function encode(json)
    return base64url(json, #json)
end


local function token(body)
    local now = os.time()

    crypto.SHA256(body, #body, digest)

    local signed = encode('{"alg":"HS256","typ":"JWT"}') .. "." .. encode(
        string.format('{"iss":"%s","nbf":%d,"exp":%d,"sha256":"%s"}',
                      key, now, now + 300, base64(digest, 32)))

    crypto.HMAC(crypto.EVP_sha256(), secret, #secret, signed, #signed, digest,
                nil)

    return signed .. "." .. base64url(digest, 32)
end


local function post(path, body)
    return wrk.format("POST", "/api/v1" .. path, nil, body)
end


local function livekit(event, uid)
    local participant = ""

    if uid then
        participant = string.format(',"participant":{"sid":"PA_%s%s",'
            .. '"identity":"%s","joinedAt":1787500042,'
            .. '"disconnectReason":"CLIENT_INITIATED"}', room, uid, uid)
    end

    local body = string.format('{"event":"%s","id":"EV_%s%d",'
        .. '"room":{"sid":"RM_%s","name":"%s"}%s}',
        event, room, step, room, room, participant)

    return wrk.format("POST", "/api/v1/webhooks/livekit",
                      { Authorization = token(body) }, body)
end


local steps = {
    function()
        return post("/rooms", string.format('{"room_id":"%s","creator":"%s",'
            .. '"device_type":"app","uids":["%s"]}', room, caller, callee))
    end,

    function()
        return post("/rooms/" .. room .. "/join",
                    string.format('{"uid":"%s"}', callee))
    end,

    function() return livekit("participant_joined", caller) end,
    function() return livekit("participant_joined", callee) end,
    function() return livekit("participant_left", callee) end,

    function()
        return post("/rooms/" .. room .. "/leave",
                    string.format('{"uid":"%s"}', caller))
    end,

    function() return livekit("room_finished") end,
}


function init(args)
    key, secret, round, calls = args[1], args[2], args[3], tonumber(args[4])
    caller, callee = "a" .. agent, "b" .. agent
    call, step = 1, 1
end


function request()
    room = string.format("room%s-%d-%d", round, agent, call)

    return steps[step]()
end


local function say(line)
    io.write(line, "\n")
    io.flush()
    wrk.thread:stop()
end


function response(status, _, body)
    if status ~= 200 then
        say(string.format("%s, step %d: %d %s", room, step, status, body))
        return
    end

    step = step % #steps + 1

    if step == 1 then
        call = call + 1

        if call > calls then
            say("done")
        end
    end
end
