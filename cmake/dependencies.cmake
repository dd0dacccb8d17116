# SPDX-License-Identifier: MIT
# Finds the libraries and stops with the Debian package of each missing one.
# Gives the targets wsp_event, wsp_wslay, wsp_mpack, wsp_crypto, wsp_ssl,
# wsp_zlib, wsp_uthash, wsp_luajit and wsp_cmocka.

find_package(PkgConfig)

# Notes that a Debian package is missing; all of them are reported at the end.
function(wsp_missing package)
  set_property(GLOBAL APPEND PROPERTY WSP_MISSING_PACKAGES ${package})
endfunction()

# Adds interface library `target` for the pkg-config modules that follow.
function(wsp_find_module target package)
  add_library(${target} INTERFACE)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(${target} QUIET IMPORTED_TARGET ${ARGN})
  endif()
  if(${target}_FOUND)
    target_link_libraries(${target} INTERFACE PkgConfig::${target})
  else()
    wsp_missing(${package})
  endif()
endfunction()

# Adds interface library `target` for a header that needs no library.
function(wsp_find_header target package header)
  find_path(${target}_include ${header})
  mark_as_advanced(${target}_include)
  add_library(${target} INTERFACE)
  if(${target}_include)
    target_include_directories(${target} SYSTEM INTERFACE ${${target}_include})
  else()
    wsp_missing(${package})
  endif()
endfunction()

# Debian's wslay has a CMake target and no .pc file.
function(wsp_find_wslay)
  find_package(wslay QUIET CONFIG)
  add_library(wsp_wslay INTERFACE)
  if(TARGET wslay)
    target_link_libraries(wsp_wslay INTERFACE wslay)
  else()
    wsp_missing(libwslay-dev)
  endif()
endfunction()

# The module needs the headers of a Lua 5.1 only: its host brings the library.
# LUA_INCDIR is what LuaRocks calls the folder of lua.h.
function(wsp_find_lua)
  if(LUA_INCDIR AND NOT WSPULSE_BUILD_CLI)
    add_library(wsp_luajit INTERFACE)
    target_include_directories(wsp_luajit SYSTEM INTERFACE ${LUA_INCDIR})
  else()
    wsp_find_module(wsp_luajit libluajit-5.1-dev luajit)
  endif()
endfunction()

# Lua decodes JSON with lua-cjson when a program runs, not when it is built.
function(wsp_find_cjson)
  find_program(WSPULSE_LUAJIT luajit)
  mark_as_advanced(WSPULSE_LUAJIT)
  if(NOT WSPULSE_LUAJIT)
    wsp_missing(luajit)
    return()
  endif()
  execute_process(COMMAND ${WSPULSE_LUAJIT} -e "require 'cjson'"
                  RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
  if(NOT result EQUAL 0)
    wsp_missing(lua-cjson)
  endif()
endfunction()

function(wsp_report_missing)
  get_property(packages GLOBAL PROPERTY WSP_MISSING_PACKAGES)
  if(NOT packages)
    return()
  endif()
  list(REMOVE_DUPLICATES packages)
  list(JOIN packages " " names)
  message(FATAL_ERROR
          "wspulse needs packages that are not installed: ${names}\n"
          "On Debian: apt-get install ${names}")
endfunction()

find_package(Threads REQUIRED)
if(NOT PKG_CONFIG_FOUND)
  wsp_missing(pkg-config)
endif()
wsp_find_module(wsp_event libevent-dev libevent_core libevent_pthreads)
wsp_find_module(wsp_mpack libmpack-dev mpack)
wsp_find_module(wsp_crypto libssl-dev libcrypto)
wsp_find_module(wsp_ssl libssl-dev "libssl>=3.0")
wsp_find_module(wsp_zlib zlib1g-dev zlib)
wsp_find_header(wsp_uthash uthash-dev uthash.h)
wsp_find_wslay()
wsp_find_lua()
if(WSPULSE_BUILD_CLI)
  wsp_find_cjson()
endif()
if(WSPULSE_BUILD_TESTS)
  wsp_find_module(wsp_cmocka libcmocka-dev cmocka)
endif()
wsp_report_missing()
