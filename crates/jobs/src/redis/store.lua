-- Every operation of the store, each run atomically.
-- ARGV: operation, database of inputs, database of results, prefix of the keys, present time, its arguments.
--
-- Of inputs:  job:ID and input:ID (hashes), key:NAME (hash), waiting, running (by creation),
--             leases (by end), interests (by end; of waiting jobs), shares (hash: how many jobs of an owner wait),
--             routes (hash: how many jobs of a route wait), counters (hash: what has happened to the jobs of a route).
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
local LEASES, INTERESTS = PREFIX .. 'leases', PREFIX .. 'interests'
local EXPIRY, WEBHOOKS = PREFIX .. 'expiry', PREFIX .. 'webhooks'
local ENDED = {PREFIX .. 'succeeded', PREFIX .. 'failed', PREFIX .. 'canceled'}
local MAX_MILLIS = 9007199254740991
local BATCH = 500
local FIELDS = {'id', 'route', 'status', 'cancel_requested', 'progress', 'attempts', 'created_at', 'started_at',
    'finished_at', 'expires_at', 'webhook', 'owner'}

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

local function append(reply, job)
    for i, field in ipairs(FIELDS) do reply[#reply + 1] = job[field] or false end
    return reply
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

local operations = {}

-- ID, greatest number of waiting jobs, that of its owner's or nothing, number of arguments for the job, these, those for
-- the input.
function operations.submit(id, max_waiting, share, count, ...)
    local arguments = {...}
    count = tonumber(count)
    local job = {id = id}
    for i = 1, count, 2 do job[arguments[i]] = arguments[i + 1] end
    sweep()

    local existing
    if job.key then
        local held = input('HMGET', KEY .. job.key, 'id', 'fingerprint')
        existing = held[1] and find(held[1])
        if existing and held[2] ~= job.fingerprint then return {'conflict'} end
    end
    existing = existing or find(id)
    if existing then
        if existing.interest and not has_ended(existing) then
            if not job.interest then
                input('HDEL', JOB .. existing.id, 'interest')
                input('ZREM', INTERESTS, member_of(existing))
            elseif tonumber(job.interest) > tonumber(existing.interest) then
                input('HSET', JOB .. existing.id, 'interest', job.interest)
                if existing.status == 'queued' then
                    input('ZADD', INTERESTS, job.interest, member_of(existing))
                end
            end
        end
        return append({'existing'}, existing)
    end

    local waiting = input('ZCARD', WAITING)
    if waiting >= tonumber(max_waiting) then return {'full', waiting} end
    if share ~= '' and job.owner then
        local own = tonumber(input('HGET', SHARES, job.owner) or 0)
        if own >= tonumber(share) then return {'share', own} end
    end

    input('HSET', JOB .. id, unpack(arguments, 1, count))
    input('HSET', TASK .. id, unpack(arguments, count + 1))
    enqueue(job)
    tally('submitted', job)
    if job.key then
        input('DEL', KEY .. job.key)
        input('HSET', KEY .. job.key, 'id', id, 'fingerprint', job.fingerprint)
    end
    return append({'new'}, job)
end

-- Requeues the jobs of lost workers.
local function recover(attempts, outcome)
    repeat
        local members = input('ZRANGEBYSCORE', LEASES, '-inf', NOW, 'LIMIT', 0, BATCH)
        for i, member in ipairs(members) do
            local job = read(input, id_of(member))
            if job then tally('lost', job) end
            if not job then
                input('ZREM', RUNNING, member)
                input('ZREM', LEASES, member)
            elseif job.cancel_requested == '1' then
                conclude(job, 'canceled')
            elseif tonumber(job.attempts) >= tonumber(attempts) then
                conclude(job, 'failed', outcome)
            else
                input('HSET', JOB .. job.id, 'status', 'queued')
                input('HDEL', JOB .. job.id, 'progress')
                input('ZREM', RUNNING, member)
                input('ZREM', LEASES, member)
                enqueue(job)
            end
        end
    until #members < BATCH
end

local function first(call, key)
    local entry = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return tonumber(entry[2])
end

-- End of the lease, greatest number of running jobs or nothing, greatest number of attempts, outcome of a job
-- whose workers were lost.
function operations.claim(lease_until, max_running, attempts, ...)
    recover(attempts, {...})
    sweep()
    local member = input('ZRANDMEMBER', WAITING)
    if not member then
        -- A worker of an earlier version claims jobs and leaves them counted here.
        input('DEL', ROUTES)
        local lease, webhook = first(input, LEASES), first(results, WEBHOOKS)
        local earliest = lease and webhook and math.min(lease, webhook) or lease or webhook
        return earliest and {'later', string.format('%.0f', earliest)} or {'idle'}
    end
    if max_running ~= '' and input('ZCARD', LEASES) >= tonumber(max_running) then
        return {'busy', string.format('%.0f', first(input, LEASES) or MAX_MILLIS)}
    end
    local id = id_of(member)
    input('HINCRBY', JOB .. id, 'attempts', 1)
    input('HSET', JOB .. id, 'status', 'running', 'started_at', NOW)
    local job = read(input, id)
    dequeue(job)
    tally('claimed', job)
    if tonumber(job.attempts) > 1 then tally('retried', job) end
    input('ZADD', RUNNING, 0, member)
    input('ZADD', LEASES, lease_until, member)
    local reply = append({'job'}, job)
    for i, value in ipairs(input('HMGET', TASK .. id, 'task', 'bytes')) do
        reply[#reply + 1] = value
    end
    return reply
end

-- The job of a claim that is not outdated.
local function claimed(id, attempt)
    local job = read(input, id)
    return job and job.status == 'running' and job.attempts == attempt and job
end

-- ID, attempt, end of the lease, progress or nothing.
function operations.heartbeat(id, attempt, lease_until, progress)
    local job = claimed(id, attempt)
    if not job then return {'lost'} end
    if progress then input('HSET', JOB .. id, 'progress', progress) end
    input('ZADD', LEASES, lease_until, member_of(job))
    return {job.cancel_requested == '1' and 'cancel' or 'held'}
end

-- ID, attempt, status, outcome or nothing.
function operations.finish(id, attempt, status, ...)
    local job = claimed(id, attempt)
    if not job then return {0} end
    conclude(job, status, select('#', ...) > 0 and {...} or nil)
    return {1}
end

-- ID.
function operations.get(id)
    local job = find(id)
    return job and append({}, job) or {}
end

-- ID.
function operations.outcome(id)
    if not find(id) then return {} end
    local outcome = results('HMGET', OUTCOME .. id, 'status', 'content_type', 'headers', 'body')
    return outcome[1] and outcome or {}
end

-- ID.
function operations.cancel(id)
    local job = find(id)
    if not job then return {} end
    if not has_ended(job) then
        job.cancel_requested = '1'
        if job.status == 'queued' then
            conclude(job, 'canceled')
        else
            input('HSET', JOB .. id, 'cancel_requested', '1')
        end
    end
    return append({}, job)
end

-- ID.
function operations.remove(id)
    local job = find(id)
    if not job or not has_ended(job) then return {0} end
    forget(member_of(job))
    return {1}
end

-- Lua compares strings by the locale, and Redis by their bytes.
local function is_newer(a, b)
    local x, y = string.sub(a, 1, 16), string.sub(b, 1, 16)
    if x ~= y then return tonumber(x) > tonumber(y) end
    for i = 17, math.min(#a, #b) do
        x, y = string.byte(a, i), string.byte(b, i)
        if x ~= y then return x > y end
    end
    return #a > #b
end

-- Calls `found` with the first `most` members of a sorted set that are an owner's, from `from` on.
local function each_of(owner, call, key, from, most, found)
    local count = 0
    repeat
        local batch = math.min(math.max(most, 20), BATCH)
        local members = call('ZRANGE', key, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, batch)
        for i, member in ipairs(members) do
            if (call('HGET', JOB .. id_of(member), 'owner') or '') == owner then
                found(member)
                count = count + 1
                if count == most then return end
            end
        end
        if #members > 0 then from = '(' .. members[#members] end
    until #members < batch
end

-- Length of a page, cursor or nothing, owner, the states that are wanted.
function operations.list(limit, after, owner, ...)
    sweep()
    limit = tonumber(limit)
    local from = after == '' and '+' or '(' .. after
    local members, home = {}, {}
    for i, status in ipairs({...}) do
        local call = (status == 'waiting' or status == 'running') and input or results
        each_of(owner, call, PREFIX .. status, from, limit + 1, function(member)
            members[#members + 1] = member
            home[member] = call
        end)
    end
    table.sort(members, is_newer)
    local reply = {#members > limit and members[limit]}
    for i = 1, math.min(limit, #members) do
        local job = read(home[members[i]], id_of(members[i]))
        if job then append(reply, job) end
    end
    return reply
end

function operations.load()
    return {input('ZCARD', WAITING) - input('ZCOUNT', INTERESTS, '-inf', NOW)}
end

-- When the oldest waiting job was submitted, then names and values.
function operations.metrics()
    sweep()
    local oldest = input('ZRANGE', WAITING, 0, 0)[1]
    local reply = {oldest and string.format('%.0f', tonumber(string.sub(oldest, 1, 16))) or false}
    local function append_all(prefix, entries)
        for i = 1, #entries, 2 do
            reply[#reply + 1] = prefix .. entries[i]
            reply[#reply + 1] = entries[i + 1]
        end
    end
    append_all('', input('HGETALL', COUNTERS))
    append_all('waiting ', input('HGETALL', ROUTES))
    -- As many as there are workers.
    local running = {}
    for i, member in ipairs(input('ZRANGE', RUNNING, 0, -1)) do
        local route = input('HGET', JOB .. id_of(member), 'route')
        if route then running[route] = (running[route] or 0) + 1 end
    end
    for route, number in pairs(running) do append_all('running ', {route, number}) end
    return reply
end

-- End of the lease.
function operations.next_delivery(lease_until)
    while true do
        local member = results('ZRANGEBYSCORE', WEBHOOKS, '-inf', NOW, 'LIMIT', 0, 1)[1]
        if not member then return {} end
        local job = find(id_of(member))
        if job and has_ended(job) then
            local attempt = results('HINCRBY', JOB .. job.id, 'deliveries', 1)
            results('ZADD', WEBHOOKS, lease_until, member)
            return {job.id, job.webhook, attempt}
        end
        results('ZREM', WEBHOOKS, member)
    end
end

-- ID, attempt, when to try again or nothing.
function operations.delivered(id, attempt, retry_at)
    local job = read(results, id)
    if not job or job.deliveries ~= attempt then return {} end
    if retry_at == '' then
        results('ZREM', WEBHOOKS, member_of(job))
    else
        results('ZADD', WEBHOOKS, 'XX', retry_at, member_of(job))
    end
    return {}
end

return operations[ARGV[1]](unpack(ARGV, 6))
