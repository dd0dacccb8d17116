# SPDX-License-Identifier: MIT
# How our own C code is compiled. Defines the target wsp_flags that every target
# of ours links.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(wsp_flags INTERFACE)
target_compile_definitions(wsp_flags INTERFACE _GNU_SOURCE)
target_compile_options(wsp_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wundef $<$<BOOL:${WSPULSE_WERROR}>:-Werror>)
target_include_directories(wsp_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)

if(NOT WSPULSE_SANITIZE STREQUAL "")
  # A sanitizer cannot see into LuaJIT's own allocator, so states take their
  # memory from malloc.
  target_compile_definitions(wsp_flags INTERFACE WSP_LUA_MALLOC_STATE=1)
  add_compile_options(-fsanitize=${WSPULSE_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -O1)
  add_link_options(-fsanitize=${WSPULSE_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-fstack-protector-strong -fno-plt)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  # A message passes through seven layers in small functions: seen together they
  # take a twentieth less.
  include(CheckIPOSupported)
  check_ipo_supported(RESULT wsp_has_lto LANGUAGES C)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${wsp_has_lto})
endif()

if(WSPULSE_FUZZ)
  # Every file tells libFuzzer where it went; fuzz/ links the driver.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Libraries that nothing refers to are dropped; relocations are read-only.
add_link_options(-Wl,--as-needed -Wl,-z,relro -Wl,-z,now)
