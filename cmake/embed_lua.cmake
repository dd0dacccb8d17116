# SPDX-License-Identifier: MIT
# Turns lua/**/*.lua into one C file that the command carries: for each module
# its name ("wspulse.router"), bytes and length (see src/cli/lua_files.h).
# Included by CMake it declares the rule; run with `cmake -P` it is the rule.

# Sets `output` in the caller to the path of the generated C file.
function(wsp_embed_lua output)
  set(generated ${PROJECT_BINARY_DIR}/generated/lua_files.c)
  set(lua_root ${PROJECT_SOURCE_DIR}/lua)
  file(GLOB_RECURSE lua_files CONFIGURE_DEPENDS ${lua_root}/*.lua)
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -D LUA_ROOT=${lua_root} -D OUTPUT=${generated}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_lua.cmake
    DEPENDS ${lua_files} ${PROJECT_SOURCE_DIR}/cmake/embed_lua.cmake
    COMMENT "Embedding the Lua files"
    VERBATIM)
  set(${output} ${generated} PARENT_SCOPE)
endfunction()

# "wspulse/router.lua" becomes "wspulse.router", "wspulse/init.lua" "wspulse".
function(wsp_module_name path output)
  string(REGEX REPLACE "(/init)?\\.lua$" "" name ${path})
  string(REPLACE "/" "." name ${name})
  set(${output} ${name} PARENT_SCOPE)
endfunction()

# Appends array and table entry of one file to `arrays` and `entries`.
function(wsp_append_file root path index)
  file(READ ${root}/${path} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REPEAT "0x..," 15 line)
  string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
  wsp_module_name(${path} name)
  set(array file_${index})
  string(APPEND arrays
         "static const unsigned char ${array}[] = {\n${bytes}\n};\n\n")
  string(APPEND entries
         "    {\"${name}\", (const char *)${array}, sizeof(${array})},\n")
  set(arrays "${arrays}" PARENT_SCOPE)
  set(entries "${entries}" PARENT_SCOPE)
endfunction()

function(wsp_write_lua_files root output)
  file(GLOB_RECURSE paths RELATIVE ${root} ${root}/*.lua)
  list(SORT paths)
  set(arrays "")
  set(entries "")
  set(index 0)
  foreach(path IN LISTS paths)
    file(READ ${root}/${path} head LIMIT 4096)
    # A file of type annotations is for editors, nothing loads it.
    if(head MATCHES "(^|\n)---@meta")
      continue()
    endif()
    wsp_append_file(${root} ${path} ${index})
    math(EXPR index "${index} + 1")
  endforeach()
  file(WRITE ${output}
       "/* Made by cmake/embed_lua.cmake from lua/. */\n"
       "#include \"cli/lua_files.h\"\n\n"
       "${arrays}"
       "const struct wsp_lua_file wsp_lua_files[] = {\n${entries}"
       "    {0, 0, 0},\n};\n\n"
       "const size_t wsp_lua_file_count = ${index};\n")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  wsp_write_lua_files(${LUA_ROOT} ${OUTPUT})
endif()
