--- `:StreamingCodeGenerator`: its subcommands, and their completion.

local plugin = require('streaming_code_generator')
local report = require('streaming_code_generator.report')

local M = {}

---@class (exact) streaming_code_generator.Call
---@field bang boolean
---@field prompt? string
---@field profile? string
---@field range? [integer, integer]

---@class (exact) streaming_code_generator.Subcommand
---@field run fun(call: streaming_code_generator.Call)
---@field takes_prompt? boolean
---@field takes_profile? boolean
---@field takes_range? boolean
---@field takes_bang? boolean

---@type table<string, streaming_code_generator.Subcommand>
local subcommands = {
  generate = {
    takes_prompt = true,
    takes_profile = true,
    takes_range = true,
    takes_bang = true,
    run = function(call)
      local generate = (call.prompt or call.bang) and plugin.generate or plugin.ask
      generate({ prompt = call.prompt, range = call.range, profile = call.profile })
    end,
  },
  comment = {
    takes_profile = true,
    run = function(call)
      plugin.generate({ profile = call.profile })
    end,
  },
  cancel = {
    takes_bang = true,
    run = function(call)
      plugin.cancel(call.bang)
    end,
  },
  accept = { run = plugin.accept },
  remove = { run = plugin.remove },
  retry = { run = plugin.retry },
  status = { run = plugin.status },
  log = { run = plugin.log },
  install = {
    takes_bang = true,
    run = function(call)
      plugin.install({ embedded = not call.bang })
    end,
  },
}

---@return string[]
local function names()
  local sorted = vim.tbl_keys(subcommands)
  table.sort(sorted)
  return sorted
end

---@param name string
---@param call streaming_code_generator.Call
---@return string? problem
local function problem_of(name, call)
  local subcommand = subcommands[name]
  if not subcommand then
    return ('There is no %q; there are %s.'):format(name, table.concat(names(), ', '))
  end
  local given = {
    prompt = call.prompt ~= nil,
    profile = call.profile ~= nil,
    range = call.range ~= nil,
    bang = call.bang,
  }
  for what, is_given in pairs(given) do
    if is_given and not subcommand['takes_' .. what] then
      return ('%s takes no %s.'):format(name, what == 'bang' and '!' or what)
    end
  end
end

--- Handles the command.
---@param command vim.api.keyset.create_user_command.command_args
function M.run(command)
  local name, rest = command.args:match('^(%S+)%s*(.-)%s*$')
  local profile, prompt = rest:match('^profile=(%S+)%s*(.*)$')
  prompt = prompt or rest
  ---@type streaming_code_generator.Call
  local call = {
    bang = command.bang,
    prompt = prompt ~= '' and prompt or nil,
    profile = profile,
    range = command.range > 0 and { command.line1, command.line2 } or nil,
  }
  local problem = problem_of(name, call)
  if problem then
    return report.problem('StreamingCodeGenerator: ' .. problem)
  end
  subcommands[name].run(call)
end

--- What may follow, in the order in which it is offered.
---@param before string The command line up to the word that is completed.
---@return string[]
local function candidates(before)
  if before:match('StreamingCodeGenerator!?%s+$') then
    return names()
  end
  local name = before:match('StreamingCodeGenerator!?%s+(%S+)%s+$')
  if not name or not (subcommands[name] or {}).takes_profile then
    return {}
  end
  return vim.tbl_map(function(profile)
    return 'profile=' .. profile
  end, plugin.profiles())
end

--- Completes a subcommand's name, and the profile behind it.
---@param lead string
---@param line string The command line up to the cursor's word and on.
---@return string[]
function M.complete(lead, line)
  return vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, lead)
  end, candidates(line:sub(1, #line - #lead)))
end

return M
