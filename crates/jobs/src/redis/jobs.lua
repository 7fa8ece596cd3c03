
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

-- Requeues the jobs and parts of lost workers.
local function recover(attempts, outcome)
    attempts = tonumber(attempts)
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
            elseif tries_of(job) >= attempts then
                conclude(job, 'failed', outcome)
            else
                -- Its unfinished cut is deleted with the parts.
                input('ZREM', LEASES, member)
                if job.stage then
                    input('DEL', PARTS .. job.id)
                    input('SADD', JOINS, member)
                else
                    drop_parts(job)
                    input('DEL', CUT .. job.id, FOUND .. job.id)
                    input('HSET', JOB .. job.id, 'status', 'queued')
                    input('HDEL', JOB .. job.id, 'progress')
                    input('ZREM', RUNNING, member)
                    enqueue(job)
                end
            end
        end
    until #members < BATCH
    repeat
        local members = input('ZRANGEBYSCORE', PART_LEASES, '-inf', NOW, 'LIMIT', 0, BATCH)
        for i, member in ipairs(members) do
            local part, id = string.match(member, '^(%S+) (.*)$')
            local job = read(input, id)
            input('ZREM', PART_LEASES, member)
            -- A job that has just failed has no claims of parts any more.
            local tries = tonumber(input('HGET', TRIES .. id, part) or 0)
            if job and tries >= attempts then
                conclude(job, 'failed', outcome)
            elseif job and tries > 0 then
                input('ZADD', QUEUE .. id, string.match(part, '%d+$'), part)
                input('SADD', PARTED, member_of(job))
            end
        end
    until #members < BATCH
end

local function first(call, key)
    local entry = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return tonumber(entry[2])
end

-- The least of numbers that may be missing.
local function least(...)
    local found
    for i = 1, select('#', ...) do
        local number = select(i, ...)
        if number and (not found or number < found) then found = number end
    end
    return found
end

local function append_input(reply, id, bytes)
    reply[#reply + 1] = input('HGET', TASK .. id, 'task')
    reply[#reply + 1] = bytes
    return reply
end

local function claim_job(member, lease_until)
    local id = id_of(member)
    local job = read(input, id)
    job.attempts = string.format('%.0f', tonumber(job.attempts) + 1)
    if job.stage then
        input('SREM', JOINS, member)
    else
        dequeue(job)
        -- The worker may have read its clock before the job came.
        job.status, job.started_at = 'running', now < tonumber(job.created_at) and job.created_at or NOW
    end
    input('HSET', JOB .. id, 'attempts', job.attempts, 'status', 'running', 'started_at', job.started_at)
    tally('claimed', job)
    if tries_of(job) > 1 then tally('retried', job) end
    input('ZADD', RUNNING, 0, member)
    input('ZADD', LEASES, lease_until, member)
    local reply = append({job.stage and 'join' or 'job', job.attempts}, job)
    return append_input(reply, id, input('HGET', TASK .. id, 'bytes'))
end

local function claim_part(member, lease_until)
    local id = id_of(member)
    local part = input('ZPOPMIN', QUEUE .. id)[1]
    if input('ZCARD', QUEUE .. id) == 0 then input('SREM', PARTED, member) end
    local attempt = input('HINCRBY', TRIES .. id, part, 1)
    input('ZADD', PART_LEASES, lease_until, part .. ' ' .. id)
    local cut, number = string.match(part, '^(%d+):(%d+)$')
    local reply = append({'part', attempt, cut, number}, read(input, id))
    return append_input(reply, id, input('HGET', PARTS .. id, part))
end

-- A random number, end of the lease, greatest number of leases or nothing, greatest number of attempts, outcome of a job whose
-- workers were lost.
function operations.claim(lot, lease_until, max_running, attempts, ...)
    recover(attempts, {...})
    sweep()
    local waiting, parted, join = input('ZCARD', WAITING), input('SCARD', PARTED), input('SRANDMEMBER', JOINS)
    -- A worker of an earlier version claims jobs and leaves them counted here.
    if waiting == 0 then input('DEL', ROUTES) end
    local lease = least(first(input, LEASES), first(input, PART_LEASES))
    if waiting + parted == 0 and not join then
        local earliest = least(lease, first(results, WEBHOOKS))
        return earliest and {'later', string.format('%.0f', earliest)} or {'idle'}
    end
    if max_running ~= '' and input('ZCARD', LEASES) + input('ZCARD', PART_LEASES) >= tonumber(max_running) then
        return {'busy', string.format('%.0f', lease or MAX_MILLIS)}
    end
    if join then return claim_job(join, lease_until) end
    if tonumber(lot) % (waiting + parted) < parted then
        return claim_part(input('SRANDMEMBER', PARTED), lease_until)
    end
    return claim_job(input('ZRANDMEMBER', WAITING), lease_until)
end

-- Whether somebody works on a job itself.
local function is_leased(job) return input('ZSCORE', LEASES, member_of(job)) end

-- The job of a claim that is not outdated. `part` is CUT:NUMBER, or empty for the job itself.
local function claimed(id, part, attempt)
    local job = read(input, id)
    if not job or job.status ~= 'running' then return nil end
    if part == '' then return job.attempts == attempt and is_leased(job) and job end
    return input('HGET', TRIES .. id, part) == attempt and input('ZSCORE', PART_LEASES, part .. ' ' .. id) and job
end

-- ID, part, attempt, end of the lease, progress or nothing.
function operations.heartbeat(id, part, attempt, lease_until, progress)
    local job = claimed(id, part, attempt)
    if not job then return {'lost'} end
    if part ~= '' then
        if job.cancel_requested == '1' then return {'lost'} end
        input('ZADD', PART_LEASES, lease_until, part .. ' ' .. id)
        return {'held'}
    end
    if progress then input('HSET', JOB .. id, 'progress', progress) end
    input('ZADD', LEASES, lease_until, member_of(job))
    return {job.cancel_requested == '1' and 'cancel' or 'held'}
end

-- ID, part, attempt, status, outcome or nothing.
function operations.finish(id, part, attempt, status, ...)
    local job = claimed(id, part, attempt)
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
        if not is_leased(job) then
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

-- Milliseconds of sound and of its recognition, which belong to no route.
function operations.recognised(sound, recognition)
    input('HINCRBY', COUNTERS, 'sound ', sound)
    input('HINCRBY', COUNTERS, 'recognition ', recognition)
    return {}
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
