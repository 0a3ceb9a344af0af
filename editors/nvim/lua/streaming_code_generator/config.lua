--- The plug-in's own options. What concerns the server is set with `vim.lsp.config()`.

local M = {}

---@class (exact) streaming_code_generator.Options
---@field highlight? boolean Colour the text of a running generation (default: true).
---@field keep_highlight_ms? integer How long colour and numbers stay afterwards (default: 1000).
---@field virtual_text? boolean Show the numbers beside a running generation (default: true).
---@field ghost_text? boolean Show what may come next while you type (default: true; the server's setting `inlineCompletion` decides when).
---@field notify? fun(message: string, level: integer) Tells of ends and errors (default: `vim.notify`, shortened to one line).

---@class (exact) streaming_code_generator.Config
---@field highlight boolean
---@field keep_highlight_ms integer
---@field virtual_text boolean
---@field ghost_text boolean
---@field notify? fun(message: string, level: integer)
local defaults = {
  highlight = true,
  keep_highlight_ms = 1000,
  virtual_text = true,
  ghost_text = true,
}

---@type streaming_code_generator.Config
local current = vim.deepcopy(defaults)

--- Set the options; what is not named has its default.
---@param options? streaming_code_generator.Options
function M.set(options)
  options = options or {}
  vim.validate('highlight', options.highlight, 'boolean', true)
  vim.validate('keep_highlight_ms', options.keep_highlight_ms, 'number', true)
  vim.validate('virtual_text', options.virtual_text, 'boolean', true)
  vim.validate('ghost_text', options.ghost_text, 'boolean', true)
  vim.validate('notify', options.notify, 'function', true)
  current = vim.tbl_extend('force', defaults, options)
end

---@return streaming_code_generator.Config
function M.get()
  return current
end

return M
