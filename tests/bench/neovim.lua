-- Streams an answer into a buffer by one contestant, and prints what that came to as JSON:
-- `nvim --clean --headless -l neovim.lua REQUEST`, where REQUEST is JSON as `neovim.py` writes it.

local request = vim.json.decode(arg[1])

---@type table<string, { setup: fun(), generate: fun() }>
local contestants = {
  ours = {
    setup = function()
      vim.cmd('runtime plugin/streaming_code_generator.lua')
      vim.lsp.config('streaming_code_generator', {
        cmd = request.server,
        cmd_env = request.environment,
      })
    end,
    generate = function()
      require('streaming_code_generator').generate({ prompt = 'Generate.' })
    end,
  },
  ['model.nvim'] = {
    setup = function()
      local prompt = {
        provider = require('model.providers.openai'),
        mode = 'insert',
        options = { url = request.base_url, authorization = 'Bearer none' },
        params = { model = request.model },
        builder = function()
          return { messages = { { role = 'user', content = 'Generate.' } } }
        end,
      }
      require('model').setup({ prompts = { bench = prompt } })
    end,
    generate = function()
      vim.cmd('Model bench')
    end,
  },
  ['gp.nvim'] = {
    setup = function()
      require('gp').setup({
        providers = {
          openai = { endpoint = request.base_url .. '/chat/completions', secret = 'none' },
        },
        agents = {
          {
            name = 'bench',
            provider = 'openai',
            chat = false,
            command = true,
            model = { model = request.model },
            system_prompt = 'Generate.',
          },
        },
        default_command_agent = 'bench',
      })
    end,
    generate = function()
      vim.cmd('GpAppend Generate.')
    end,
  },
  ['llm.nvim'] = {
    setup = function()
      local service = { url = request.base_url .. '/chat/completions', model = request.model }
      require('llm').setup({ services = { bench = service } })
    end,
    generate = function()
      require('llm').prompt({ replace = false, service = 'bench' })
    end,
  },
}

--- Clock ticks that this process and what it started have had.
local function cpu_ticks()
  local function fields(pid)
    local file = io.open(('/proc/%s/stat'):format(pid))
    if not file then
      return {}
    end
    local text = file:read('*a')
    file:close()
    return vim.split(text:match('.*%) (.*)'), ' ')
  end
  local own = fields('self')
  -- utime, stime, and those of the children that have ended
  local ticks = own[12] + own[13] + own[14] + own[15]
  for _, child in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
    local of_child = fields(child)
    if of_child[12] then
      ticks = ticks + of_child[12] + of_child[13]
    end
  end
  return ticks
end

local function stream(contestant)
  vim.cmd('enew!')
  vim.cmd('file ' .. vim.fn.tempname() .. '.py')
  vim.bo.filetype = 'python'
  vim.api.nvim_buf_set_lines(0, 0, -1, false, request.document)
  vim.api.nvim_win_set_cursor(0, { request.line + 1, 0 })
  local grown, updates, longest_ns = 0, {}, 0
  vim.api.nvim_buf_attach(0, false, {
    on_bytes = function(_, _, _, _, _, _, _, _, old_length, _, _, new_length)
      grown = grown + new_length - old_length
      table.insert(updates, { vim.uv.hrtime() / 1e9, grown })
    end,
  })
  local last_ns = vim.uv.hrtime()
  local timer = assert(vim.uv.new_timer())
  timer:start(0, 1, function()
    local now_ns = vim.uv.hrtime()
    longest_ns, last_ns = math.max(longest_ns, now_ns - last_ns), now_ns
  end)
  local began_ticks, began_s = cpu_ticks(), vim.uv.hrtime() / 1e9
  contestant.generate()
  local done = vim.wait(request.timeout_ms, function()
    return grown >= request.expected
  end, 5)
  timer:stop()
  local ticks = cpu_ticks() - began_ticks
  -- The rest of it: the end of the request, and of a process that read it.
  vim.wait(500, function()
    return false
  end, 50)
  return {
    done = done,
    began_s = began_s,
    updates = updates,
    blocked_ms = longest_ns / 1e6,
    cpu_s = ticks / request.ticks_a_second,
  }
end

local contestant = contestants[request.contestant]
vim.opt.runtimepath:prepend(request.plugins)
contestant.setup()
stream(contestant) -- warms up
io.stdout:write(vim.json.encode(stream(contestant)), '\n')
vim.cmd('qall!')
