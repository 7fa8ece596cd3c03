-- Every operation of the store, each run atomically. Three files make one script: the records and their indexes, the operations
-- on jobs, and those on parts.
-- ARGV: operation, database of inputs, database of results, prefix of the keys, present time, its arguments.
--
-- Of inputs:  job:ID and input:ID (hashes), key:NAME (hash), waiting, running (by creation),
--             leases (by end), interests (by end; of waiting jobs), shares (hash: how many jobs of an owner wait),
--             routes (hash: how many jobs of a route wait), counters (hash: what has happened to the jobs of a route).
--             Of jobs in parts: parted (those that have waiting parts), joins (those that wait for their join),
--             partleases (by end; members are CUT:NUMBER, a blank and the ID), and for each the hashes cut:ID (its last cut),
--             parts:ID (what parts are computed from, by CUT:NUMBER), tries:ID (their claims, by CUT:NUMBER), found:ID
--             (results, by NUMBER), and the sorted set queue:ID (CUT:NUMBER of those that wait).
-- Of results: job:ID and outcome:ID (hashes), succeeded, failed, canceled (by creation),
--             expiry (by expiry), webhooks (by when they are due). Each has a time to live.
-- Members of the sorted sets are the time of creation, in 16 digits, a colon and the ID: the cursors of lists.

local INPUT, RESULTS, PREFIX, NOW = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local JOB, TASK, KEY, OUTCOME = PREFIX .. 'job:', PREFIX .. 'input:', PREFIX .. 'key:', PREFIX .. 'outcome:'
-- The predecessor of input:ID in earlier versions. It is not read, and is deleted with its job.
local REQUEST = PREFIX .. 'request:'
local WAITING, RUNNING = PREFIX .. 'waiting', PREFIX .. 'running'
local SHARES = PREFIX .. 'shares'
local ROUTES, COUNTERS = PREFIX .. 'routes', PREFIX .. 'counters'
local PARTED, JOINS, PART_LEASES = PREFIX .. 'parted', PREFIX .. 'joins', PREFIX .. 'partleases'
local CUT, PARTS, QUEUE = PREFIX .. 'cut:', PREFIX .. 'parts:', PREFIX .. 'queue:'
local TRIES, FOUND = PREFIX .. 'tries:', PREFIX .. 'found:'
local LEASES, INTERESTS = PREFIX .. 'leases', PREFIX .. 'interests'
local EXPIRY, WEBHOOKS = PREFIX .. 'expiry', PREFIX .. 'webhooks'
local ENDED = {PREFIX .. 'succeeded', PREFIX .. 'failed', PREFIX .. 'canceled'}
local MAX_MILLIS = 9007199254740991
local BATCH = 500
local FIELDS = {'id', 'route', 'status', 'cancel_requested', 'progress', 'attempts', 'created_at', 'started_at',
    'finished_at', 'expires_at', 'webhook', 'owner', 'trace'}

local now = tonumber(NOW)

local selected
local function on(database, ...)
    if selected ~= database then
        redis.call('SELECT', database)
        selected = database
    end
    return redis.call(...)
end
local function input(...) return on(INPUT, ...) end
local function results(...) return on(RESULTS, ...) end

local function id_of(member) return string.sub(member, 18) end

local function member_of(job)
    return string.rep('0', 16 - #job.created_at) .. job.created_at .. ':' .. job.id
end

local function read(call, id)
    local entries = call('HGETALL', JOB .. id)
    if #entries == 0 then return nil end
    local job = {id = id}
    for i = 1, #entries, 2 do job[entries[i]] = entries[i + 1] end
    return job
end

local function has_ended(job) return job.status ~= 'queued' and job.status ~= 'running' end

-- A job that exists.
local function find(id)
    local job = read(input, id) or read(results, id)
    if not job then return nil end
    if job.expires_at and tonumber(job.expires_at) <= now then return nil end
    if job.status == 'queued' and job.interest and tonumber(job.interest) <= now then return nil end
    return job
end

-- The attempts of a job since its last cut, if it had one.
local function tries_of(job) return tonumber(job.attempts) - tonumber(job.base or 0) end

local function append(reply, job)
    local attempts = job.attempts
    if job.base then job.attempts = string.format('%.0f', math.max(tries_of(job), 1)) end
    for i, field in ipairs(FIELDS) do reply[#reply + 1] = job[field] or false end
    job.attempts = attempts
    local parts = job.stage and not has_ended(job) and input('HMGET', CUT .. job.id, 'done', 'total') or {}
    reply[#reply + 1] = parts[1] or false
    reply[#reply + 1] = parts[2] or false
    return reply
end

-- Takes away the parts of a job that are not done.
local function drop_parts(job)
    for i, part in ipairs(input('HKEYS', TRIES .. job.id)) do
        input('ZREM', PART_LEASES, part .. ' ' .. job.id)
    end
    input('DEL', PARTS .. job.id, QUEUE .. job.id, TRIES .. job.id)
    input('SREM', PARTED, member_of(job))
end

-- Counts what happened to a job.
local function tally(name, job)
    if job.route then input('HINCRBY', COUNTERS, name .. ' ' .. job.route, 1) end
end

-- Changes a number in a hash. Numbers that reach 0 are deleted.
local function add(key, field, number)
    if field and input('HINCRBY', key, field, number) <= 0 then input('HDEL', key, field) end
end

-- Puts a job among those that wait, and takes it away.
local function enqueue(job)
    local member = member_of(job)
    input('ZADD', WAITING, 0, member)
    if job.interest then input('ZADD', INTERESTS, job.interest, member) end
    add(SHARES, job.owner, 1)
    add(ROUTES, job.route, 1)
end

local function dequeue(job)
    local member = member_of(job)
    input('ZREM', WAITING, member)
    input('ZREM', INTERESTS, member)
    add(SHARES, job.owner, -1)
    add(ROUTES, job.route, -1)
end

local function forget_key(job)
    if job.key then input('DEL', KEY .. job.key) end
end

-- Deletes an ended job. Only its member may be left: the server's clock may be ahead, and the ID may be in use
-- again.
local function forget(member)
    local id = id_of(member)
    local job = read(results, id)
    if job and member_of(job) == member then
        forget_key(job)
        results('DEL', JOB .. id, OUTCOME .. id)
    end
    for i, key in ipairs(ENDED) do results('ZREM', key, member) end
    results('ZREM', EXPIRY, member)
    results('ZREM', WEBHOOKS, member)
end

-- Deletes expired jobs.
local function sweep()
    repeat
        local members = input('ZRANGEBYSCORE', INTERESTS, '-inf', NOW, 'LIMIT', 0, BATCH)
        for i, member in ipairs(members) do
            local id = id_of(member)
            local job = read(input, id)
            if job then
                forget_key(job)
                dequeue(job)
            end
            input('DEL', JOB .. id, TASK .. id, REQUEST .. id)
            input('ZREM', WAITING, member)
            input('ZREM', INTERESTS, member)
        end
    until #members < BATCH
    repeat
        local members = results('ZRANGEBYSCORE', EXPIRY, '-inf', NOW, 'LIMIT', 0, BATCH)
        for i, member in ipairs(members) do forget(member) end
    until #members < BATCH
end

-- Lets a key live for at least this long from now; sets twice as much, so as not to set it with each job.
local function keep(key, duration)
    if results('PTTL', key) < tonumber(duration) then
        results('PEXPIRE', key, string.format('%.0f', 2 * duration))
    end
end

-- Ends a job: it moves from the inputs to the results. `outcome` is a list of fields and values.
local function conclude(job, status, outcome)
    local id, member, duration = job.id, member_of(job), job.expires_after
    input('DEL', JOB .. id, TASK .. id, REQUEST .. id)
    if job.status == 'queued' then
        dequeue(job)
    else
        drop_parts(job)
        input('DEL', CUT .. id, FOUND .. id)
        input('SREM', JOINS, member)
        input('ZREM', RUNNING, member)
        input('ZREM', LEASES, member)
    end
    if job.key then input('PEXPIRE', KEY .. job.key, duration) end

    tally(status, job)
    job.status = status
    job.finished_at = NOW
    job.expires_at = string.format('%.0f', math.min(now + tonumber(duration), MAX_MILLIS))
    local fields = {}
    for field, value in pairs(job) do
        fields[#fields + 1] = field
        fields[#fields + 1] = value
    end
    results('HSET', JOB .. id, unpack(fields))
    results('PEXPIRE', JOB .. id, duration)
    if outcome then
        results('HSET', OUTCOME .. id, unpack(outcome))
        results('PEXPIRE', OUTCOME .. id, duration)
    end
    local ended = PREFIX .. status
    results('ZADD', ended, 0, member)
    keep(ended, duration)
    results('ZADD', EXPIRY, job.expires_at, member)
    keep(EXPIRY, duration)
    if job.webhook then
        results('ZADD', WEBHOOKS, NOW, member)
        keep(WEBHOOKS, duration)
    end
end
