--- A window to read something in.

local M = {}

--- Show a text in a window of its own; `q` closes it.
---@param text string
function M.open(text)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, vim.split(text, '\r?\n'))
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].modifiable = false
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = bufnr })
  vim.cmd('botright sbuffer ' .. bufnr)
end

return M
