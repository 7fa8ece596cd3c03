
-- ID, attempt, number, bytes.
function operations.add_part(id, attempt, number, bytes)
    if not claimed(id, '', attempt) then return {0} end
    input('HSETNX', PARTS .. id, attempt .. ':' .. number, bytes)
    return {1}
end

-- ID, attempt, number of parts, weight that is enough or nothing, rest.
function operations.cut(id, attempt, total, enough, rest)
    local job = claimed(id, '', attempt)
    if not job or job.cancel_requested == '1' or input('HLEN', PARTS .. id) ~= tonumber(total) then return {0} end
    local member = member_of(job)
    input('DEL', CUT .. id, FOUND .. id)
    input('HSET', CUT .. id, 'done', 0, 'total', total, 'weight', 0, 'enough', enough)
    for number = 0, tonumber(total) - 1 do
        input('ZADD', QUEUE .. id, number, string.format('%s:%.0f', attempt, number))
    end
    input('HSET', TASK .. id, 'bytes', rest)
    input('HSET', JOB .. id, 'stage', 'parts', 'base', attempt)
    input('ZREM', LEASES, member)
    input('SADD', total == '0' and JOINS or PARTED, member)
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
    local done = input('HINCRBY', CUT .. id, 'done', 1)
    local sum = input('HINCRBY', CUT .. id, 'weight', weight)
    local cut = input('HMGET', CUT .. id, 'total', 'enough')
    if done == tonumber(cut[1]) or cut[2] ~= '' and sum >= tonumber(cut[2]) then
        drop_parts(job)
        input('SADD', JOINS, member_of(job))
    end
    return {1}
end

-- ID. The results in the order of the parts.
function operations.results(id)
    local reply = {}
    for number = 0, tonumber(input('HGET', CUT .. id, 'total') or 0) - 1 do
        reply[#reply + 1] = input('HGET', FOUND .. id, number) or nil
    end
    return reply
end

return operations[ARGV[1]](unpack(ARGV, 6))
