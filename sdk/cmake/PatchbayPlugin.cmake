# patchbay_plugin(NAME [STATIC] SOURCES file… [LIBRARIES target…])
# Builds NAME.so, a plugin for Patchbay. With STATIC also NAME_static, an object whose descriptor is
# patchbay_plugin_NAME and whose other symbols are local: any number of plugins fit in one test binary.
function(patchbay_plugin name)
  cmake_parse_arguments(P "STATIC" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} MODULE ${P_SOURCES})
  target_link_libraries(${name} PRIVATE Patchbay::sdk ${P_LIBRARIES})
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  target_compile_options(${name} PRIVATE -fstack-clash-protection)
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
endfunction()
