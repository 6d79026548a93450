-- Adds items to carts that were opened before: one request a connection at a time, as wrk has it. The carts come from
-- CARTS, a line each (its id, the token of its owner), the SKUs from SKUS; a thread has a share of the carts of its own.
-- Requests that follow each other go to different carts, so that the connections are at different ones, too.

local carts_a_window = tonumber(os.getenv("WINDOW"))
local items_a_cart = tonumber(os.getenv("ITEMS"))
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
    thread:set("threads", threads)
end

local carts, skus, sent = {}, {}, 0

function init()
    for sku in io.lines(os.getenv("SKUS")) do
        skus[#skus + 1] = '{"sku":"' .. sku .. '","quantity":1}'
    end
    for line in io.lines(os.getenv("CARTS")) do
        local id, token = line:match("^(%S+) (%S+)$")
        carts[#carts + 1] = "POST /v1/carts/" .. id .. "/items HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " ..
            token .. "\r\nContent-Type: application/json\r\nContent-Length: "
    end
end

function request()
    local window = math.floor(sent / (carts_a_window * items_a_cart))
    local cart = (window * carts_a_window + sent % carts_a_window) % #carts
    local body = skus[sent % #skus + 1]
    sent = sent + 1
    return carts[cart + 1] .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("measured %d %d %d %d %d %d %d\n", summary.requests, summary.duration, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
