# Installs the C++ library without Python, so that find_package(plasma_edge) works.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS plasma_edge EXPORT plasma_edgeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY cpp/include/plasma_edge DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT plasma_edgeTargets NAMESPACE plasma_edge::
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plasma_edge)
configure_package_config_file(cmake/plasma_edgeConfig.cmake.in plasma_edgeConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plasma_edge)
write_basic_package_version_file(plasma_edgeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/plasma_edgeConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/plasma_edgeConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plasma_edge)
