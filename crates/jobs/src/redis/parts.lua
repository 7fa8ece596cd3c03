
-- Whether the parts of the last cut that are done suffice for the join.
local function is_done(id)
    local cut = input('HMGET', CUT .. id, 'done', 'weight', 'total', 'enough')
    return cut[1] == cut[3] or cut[4] ~= '' and tonumber(cut[2]) >= tonumber(cut[4])
end

-- ID, attempt, number, bytes. What the beginning adds is computed from now on; what a join adds, from its cut.
function operations.add_part(id, attempt, number, bytes)
    local job = claimed(id, '', attempt)
    if not job then return {0} end
    local part = attempt .. ':' .. number
    if not job.stage and input('HEXISTS', FOUND .. id, number) == 1 then return {1} end
    if input('HSETNX', PARTS .. id, part, bytes) == 1 and not job.stage then
        input('ZADD', QUEUE .. id, number, part)
        input('SADD', PARTED, member_of(job))
    end
    return {1}
end

-- ID, attempt, number of parts, weight that is enough or nothing, rest.
function operations.cut(id, attempt, total, enough, rest)
    local job = claimed(id, '', attempt)
    if not job or job.cancel_requested == '1' then return {0} end
    local done = job.stage and 0 or input('HLEN', FOUND .. id)
    if input('HLEN', PARTS .. id) + done ~= tonumber(total) then return {0} end
    local member = member_of(job)
    if job.stage then
        input('DEL', CUT .. id, FOUND .. id)
        for i, part in ipairs(input('HKEYS', PARTS .. id)) do
            input('ZADD', QUEUE .. id, string.match(part, '%d+$'), part)
        end
    end
    input('HSETNX', CUT .. id, 'done', 0)
    input('HSETNX', CUT .. id, 'weight', 0)
    input('HSET', CUT .. id, 'total', total, 'enough', enough)
    input('HSET', TASK .. id, 'bytes', rest)
    input('HSET', JOB .. id, 'stage', 'parts', 'base', attempt)
    input('ZREM', LEASES, member)
    if is_done(id) then
        drop_parts(job)
        input('SADD', JOINS, member)
    elseif input('ZCARD', QUEUE .. id) > 0 then
        input('SADD', PARTED, member)
    end
    return {1}
end

-- ID, part, attempt, bytes, weight.
function operations.finish_part(id, part, attempt, bytes, weight)
    local job = claimed(id, part, attempt)
    if not job then return {0} end
    input('HSET', FOUND .. id, string.match(part, '%d+$'), bytes)
    input('HDEL', PARTS .. id, part)
    input('HDEL', TRIES .. id, part)
    input('ZREM', PART_LEASES, part .. ' ' .. id)
    input('HINCRBY', CUT .. id, 'done', 1)
    input('HINCRBY', CUT .. id, 'weight', weight)
    if job.stage and is_done(id) then
        drop_parts(job)
        input('SADD', JOINS, member_of(job))
    end
    return {1}
end

-- ID. The results in the order of the parts.
function operations.results(id)
    local numbers, reply = input('HKEYS', FOUND .. id), {}
    table.sort(numbers, function(a, b) return tonumber(a) < tonumber(b) end)
    for i, number in ipairs(numbers) do reply[i] = input('HGET', FOUND .. id, number) end
    return reply
end

return operations[ARGV[1]](unpack(ARGV, 6))
