# SPDX-License-Identifier: MIT
# What `cmake --install` lays down. LUADIR and LIBDIR are where Lua looks for
# files and C modules; LuaRocks passes its own.

if(NOT LUADIR)
  set(LUADIR share/lua/5.1)
endif()
if(NOT LIBDIR)
  set(LIBDIR lib/lua/5.1)
endif()

if(TARGET wspulse_cli)
  install(TARGETS wspulse_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

if(TARGET wspulse_module)
  install(TARGETS wspulse_module LIBRARY DESTINATION ${LIBDIR}/wspulse)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/lua/ DESTINATION ${LUADIR}
          FILES_MATCHING PATTERN "*.lua")
endif()

if(NOT TARGET wspulse)
  return()
endif()

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/wspulse)
set(package_files ${PROJECT_BINARY_DIR}/package)

install(TARGETS wspulse EXPORT wspulseTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/wspulse
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT wspulseTargets NAMESPACE wspulse:: DESTINATION ${package_dir})

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/wspulseConfig.cmake.in
  ${package_files}/wspulseConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
  ${package_files}/wspulseConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${package_files}/wspulseConfig.cmake
              ${package_files}/wspulseConfigVersion.cmake
        DESTINATION ${package_dir})

# The .pc file finds its prefix from where it lies, so a staged or moved tree
# works as well.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pc_prefix /${pc_dir} /)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/wspulse.pc.in
               ${package_files}/wspulse.pc @ONLY)
install(FILES ${package_files}/wspulse.pc DESTINATION ${pc_dir})
