-- SPDX-License-Identifier: MIT
--- Runs the command under test (WSPULSE_BIN) as a child process whose output
-- goes to files of a spec's folder, or to a terminal.
local ffi = require "ffi"

local deadline = require "spec.cli.support.deadline"

-- busted loads this file once for each spec file, into one process.
if not pcall(ffi.typeof, "struct wsp_spec_actions") then
  ffi.cdef [[
struct wsp_spec_actions { char opaque[256]; };
int posix_spawn(int *pid, const char *path,
                const struct wsp_spec_actions *actions,
                const void *attributes, char *const argv[],
                char *const envp[]);
int posix_spawn_file_actions_init(struct wsp_spec_actions *actions);
int posix_spawn_file_actions_destroy(struct wsp_spec_actions *actions);
int posix_spawn_file_actions_addopen(struct wsp_spec_actions *actions, int fd,
                                     const char *path, int flags,
                                     unsigned mode);
int posix_spawn_file_actions_addclose(struct wsp_spec_actions *actions, int fd);
int posix_spawn_file_actions_addchdir_np(struct wsp_spec_actions *actions,
                                         const char *path);
int waitpid(int pid, int *status, int options);
int kill(int pid, int signal);
int posix_openpt(int flags);
int grantpt(int fd);
int unlockpt(int fd);
char *ptsname(int fd);
long read(int fd, void *buffer, size_t size);
int close(int fd);
]]
end

local C = ffi.C
local O_RDONLY, O_WRONLY, O_RDWR = 0, 1, 2
local O_CREAT, O_TRUNC = 64, 512
local O_NOCTTY, O_NONBLOCK, O_CLOEXEC = 256, 2048, 524288
local WNOHANG = 1
local SIGNALS = { HUP = 1, INT = 2, KILL = 9, TERM = 15 }

-- What a child inherits; everything else is named by the spec.
local INHERITED = {
  "PATH",
  "ASAN_OPTIONS",
  "LSAN_OPTIONS",
  "TSAN_OPTIONS",
  "UBSAN_OPTIONS",
}

local Process = {}
local mt = { __name = "spec.process", __index = Process }

function mt:__tostring()
  return mt.__name .. " " .. self.pid
end

local function binary()
  local path = os.getenv "WSPULSE_BIN"
  assert(path, "WSPULSE_BIN must name the command to test")
  assert(path:sub(1, 1) == "/", "WSPULSE_BIN must be a full path")
  return path
end

-- A NULL-terminated array; the strings are kept alive by the second result.
local function c_strings(list)
  local array = ffi.new("const char *[?]", #list + 1)
  for i, text in ipairs(list) do
    array[i - 1] = text
  end
  return ffi.cast("char *const *", array), { array, list }
end

local function environment(folder, extra)
  local list = { "XDG_RUNTIME_DIR=" .. folder.path, "TERM=xterm" }
  for _, name in ipairs(INHERITED) do
    local value = os.getenv(name)
    if value then
      list[#list + 1] = name .. "=" .. value
    end
  end
  for name, value in pairs(extra or {}) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

local function open_terminal()
  local fd = C.posix_openpt(O_RDWR + O_NOCTTY + O_NONBLOCK + O_CLOEXEC)
  assert(fd >= 0, "posix_openpt failed")
  assert(C.grantpt(fd) == 0 and C.unlockpt(fd) == 0, "no terminal")
  return fd, ffi.string(C.ptsname(fd))
end

local function redirect(actions, fd, path, flags)
  local mode = tonumber("600", 8)
  local code =
    C.posix_spawn_file_actions_addopen(actions, fd, path, flags, mode)
  assert(code == 0, "redirection failed")
end

local count = 0

local function start(self, path, argv, options)
  local actions = ffi.new "struct wsp_spec_actions"
  local to_file = O_WRONLY + O_CREAT + O_TRUNC
  local err_path, err_flags = self.err_path, to_file
  if options.terminal then
    self.terminal, err_path = open_terminal()
    err_flags = O_RDWR + O_NOCTTY
  end
  C.posix_spawn_file_actions_init(actions)
  C.posix_spawn_file_actions_addchdir_np(actions, options.folder.path)
  redirect(actions, 0, "/dev/null", O_RDONLY)
  redirect(actions, 1, options.stdout or self.out_path, to_file)
  redirect(actions, 2, err_path, err_flags)
  for _, fd in ipairs(options.closed or {}) do
    C.posix_spawn_file_actions_addclose(actions, fd)
  end
  local args, keep_args = c_strings(argv)
  local env, keep_env =
    c_strings(environment(options.folder, options.env))
  local pid = ffi.new "int[1]"
  local code = C.posix_spawn(pid, path, actions, nil, args, env)
  C.posix_spawn_file_actions_destroy(actions)
  assert(code == 0 and keep_args and keep_env, "posix_spawn failed")
  self.pid = pid[0]
end

--- Starts the command with `args` in a folder. `options`: folder (required),
-- env, terminal (stderr is one), stdout (a path), closed (descriptors), shell
-- (a line of sh in which "$@" is the command).
local function spawn(args, options)
  count = count + 1
  local self = setmetatable({
    folder = options.folder,
    out_path = options.folder:at("out." .. count),
    err_path = options.folder:at("err." .. count),
    terminal_text = "",
  }, mt)
  local path, argv = binary(), { binary(), unpack(args) }
  if options.shell then
    path = "/bin/sh"
    argv = { "sh", "-c", options.shell, "sh", unpack(argv) }
  end
  start(self, path, argv, options)
  return self
end

local function read_file(path)
  local file = io.open(path)
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return text
end

local function drain_terminal(self)
  local buffer = ffi.new "char[4096]"
  local n = C.read(self.terminal, buffer, 4096)
  while n > 0 do
    self.terminal_text = self.terminal_text .. ffi.string(buffer, n)
    n = C.read(self.terminal, buffer, 4096)
  end
  return self.terminal_text
end

--- What the child has written so far.
function Process:stdout()
  return read_file(self.out_path)
end

function Process:stderr()
  if self.terminal then
    return drain_terminal(self)
  end
  return read_file(self.err_path)
end

local function await_text(self, name, pattern)
  return deadline.await(function()
    local found = { self[name](self):match(pattern) }
    if #found > 0 then
      return found
    end
    assert(self:is_running() or self[name](self):match(pattern),
      "the command has ended: " .. self:stderr())
  end, function()
    local got = self:stdout() .. self:stderr()
    return name .. " with " .. pattern .. ", got: " .. got
  end)
end

--- Waits for a Lua pattern and returns its captures.
function Process:await_stdout(pattern)
  return unpack(await_text(self, "stdout", pattern))
end

function Process:await_stderr(pattern)
  return unpack(await_text(self, "stderr", pattern))
end

-- Reaps the child when it has ended; its exit code is 128 + n after signal n.
local function reap(self)
  local status = ffi.new "int[1]"
  if self.code or C.waitpid(self.pid, status, WNOHANG) ~= self.pid then
    return self.code
  end
  local signal = status[0] % 128
  self.code = signal == 0 and math.floor(status[0] / 256) % 256 or 128 + signal
  return self.code
end

function Process:is_running()
  return reap(self) == nil
end

--- Waits for the end and returns the exit code.
function Process:wait()
  return deadline.await(function()
    if self.terminal then
      drain_terminal(self)
    end
    return reap(self)
  end, function()
    return "exit of the command: " .. self:stdout() .. self:stderr()
  end)
end

function Process:signal(name)
  assert(self:is_running(), "the command has ended")
  assert(C.kill(self.pid, SIGNALS[name]) == 0)
end

--- Ends the child if it still runs.
function Process:stop()
  if self:is_running() then
    C.kill(self.pid, SIGNALS.KILL)
    self:wait()
  end
  if self.terminal then
    C.close(self.terminal)
    self.terminal = nil
  end
end

--- Runs the command to its end. Returns exit code, stdout, stderr.
local function run(args, options)
  local process = spawn(args, options)
  local ok, code = pcall(process.wait, process)
  local out, err = process:stdout(), process:stderr()
  process:stop()
  assert(ok, code)
  return code, out, err
end

return { spawn = spawn, run = run, mt = mt, methods = Process }
