--- `:checkhealth streaming_code_generator`

local installed = require('streaming_code_generator.installed')
local wire = require('streaming_code_generator.wire')

local M = {}

local DOCTOR_TIMEOUT_MS = 30000

local function check_neovim()
  if vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok('Neovim ' .. tostring(vim.version()))
  else
    vim.health.error('Neovim is older than 0.11', 'Install Neovim 0.11 or later.')
  end
end

--- Whether the server that the plug-in has installed is used, and is what the checkout holds.
---@param cmd string[]
local function check_installed(cmd)
  local note = installed.get()
  if not note then
    return
  end
  if cmd[1] ~= installed.command()[1] then
    vim.health.info('Yours; the one installed in ' .. note.environment .. ' is not used.')
  elseif installed.is_outdated(note) then
    vim.health.warn('It was installed from an earlier state of ' .. note.checkout, {
      'Install the present one: :StreamingCodeGenerator install',
    })
  else
    vim.health.ok('It was installed from ' .. note.checkout .. ', which has not changed since.')
  end
end

---@return string[]? cmd What starts the server, if it can be started.
local function check_command()
  local config = vim.lsp.config[wire.CLIENT_NAME]
  local cmd = config and config.cmd
  if type(cmd) ~= 'table' then
    vim.health.info('The server is not started by a command of its own.')
    return nil
  end
  if vim.fn.executable(cmd[1]) == 0 then
    vim.health.error(('%q is not executable'):format(cmd[1]), {
      'Install it: :StreamingCodeGenerator install',
      "or name it: vim.lsp.config('streaming_code_generator', { cmd = { … } })",
    })
    return nil
  end
  vim.health.ok('The server is ' .. vim.fn.exepath(cmd[1]))
  check_installed(cmd)
  return cmd
end

local function check_client()
  local enabled = vim.lsp.is_enabled(wire.CLIENT_NAME)
  vim.health.info(
    enabled and 'vim.lsp.enable() starts it with a file.'
      or 'The first :StreamingCodeGenerator command starts it.'
  )
  for _, client in ipairs(vim.lsp.get_clients({ name = wire.CLIENT_NAME })) do
    local info = client.server_info or {}
    local count = vim.tbl_count(client.attached_buffers)
    vim.health.ok(
      ('Running: %s %s, %d buffers, positions in %s'):format(
        info.name or 'the server',
        info.version or '',
        count,
        client.offset_encoding
      )
    )
  end
end

--- Where the words stand that come before the server's own arguments, `doctor` does as well.
---@param cmd string[]
---@return string[]?
local function doctor_command(cmd)
  local words = {}
  for _, word in ipairs(cmd) do
    if word == 'serve' then
      words[#words + 1] = 'doctor'
      return words
    end
    words[#words + 1] = word
  end
end

--- How the doctor's words for a finding are shown; all others are errors.
local SHOWN = { ok = vim.health.ok, note = vim.health.warn }

---@param cmd string[]
local function check_doctor(cmd)
  local doctor = doctor_command(cmd)
  if not doctor then
    return
  end
  vim.health.start('streaming-code-generator doctor')
  local config = vim.lsp.config[wire.CLIENT_NAME]
  local run = vim.system(doctor, { text = true, env = config.cmd_env }):wait(DOCTOR_TIMEOUT_MS)
  for line in vim.gsplit(vim.trim(run.stdout .. run.stderr), '\n') do
    local word, finding = line:match('^(%S+)%s+(.*)$')
    local show = SHOWN[word] or vim.health.error
    show(finding or line)
  end
end

function M.check()
  vim.health.start('streaming_code_generator')
  check_neovim()
  local cmd = check_command()
  check_client()
  if cmd then
    check_doctor(cmd)
  end
end

return M
