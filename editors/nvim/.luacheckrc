-- Neovim's own API, and nothing else that is not LuaJIT's; stylua watches over the length of lines.
std = "luajit"
globals = { "vim" }
max_line_length = false
