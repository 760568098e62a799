-- Requests for wrk: BENCH_SCENARIO chooses them. Every POST has a body of its
-- own, so that no two ask for the same thing.
local scenario = os.getenv("BENCH_SCENARIO")
local threads = 0

function setup(thread)
	threads = threads + 1
	thread:set("id", threads * 1000000000)
end

local headers = { ["Content-Type"] = "application/json" }
local page

function init(args)
	-- Each run counts from another place: numbers asked for before cost less.
	counter = id + (tonumber(os.getenv("BENCH_RUN")) or 0) * 1000000
	if (os.getenv("BENCH_HOST") or "") ~= "" then
		headers["Host"] = os.getenv("BENCH_HOST")
		headers["X-API-Key"] = os.getenv("BENCH_KEY")
	end
	page = wrk.format("GET", "/characters?limit=100", headers)
	one = wrk.format("GET", "/characters/1", headers)
end

function request()
	counter = counter + 1
	if scenario == "sequence" then
		return wrk.format("POST", "/sequence", headers, string.format('{"elementType":"character","elementId":%d}', counter))
	elseif scenario == "characters" then
		return wrk.format("POST", "/characters", headers,
			string.format('{"name":"Character %d","description":"Somebody in a story."}', counter))
	elseif scenario == "one" then
		return one
	end
	return page
end

function done(summary, latency)
	io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, summary.duration,
		latency:percentile(50), latency:percentile(99),
		summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
