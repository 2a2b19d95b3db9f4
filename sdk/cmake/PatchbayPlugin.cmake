# patchbay_plugin(NAME [STATIC] SOURCES file… [LIBRARIES target…])
#
# Builds NAME.so, a plugin for Patchbay: everything hidden but its one symbol. With STATIC also the
# target NAME_static, to be linked into a test program: its descriptor is called
# patchbay_plugin_NAME ('-' and '.' become '_') and every other symbol is local, so that any number
# of plugins fit in one program, under sanitizers and coverage too.
#
# Sources in subfolders include "x.h" of the plugin's folder by its name.
#
# Variables that a project may set: PATCHBAY_PLUGIN_DIR, the folder that gets NAME.so (else that of
# the build); PATCHBAY_PLUGIN_INSTALL, where `cmake --install` puts it (else nowhere).
set(PATCHBAY_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/patchbay_plugin.map)

function(patchbay_plugin name)
  cmake_parse_arguments(P "STATIC" "" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT P_SOURCES)
    message(FATAL_ERROR "patchbay_plugin(${name}): SOURCES is missing")
  endif()
  add_library(${name} MODULE ${P_SOURCES})
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL
    -Wl,--version-script=${PATCHBAY_PLUGIN_MAP})
  # A plugin with a RUNPATH is refused: its libraries come from the system's folders.
  set_target_properties(${name} PROPERTIES PREFIX "" LINK_DEPENDS ${PATCHBAY_PLUGIN_MAP}
    SKIP_BUILD_RPATH ON INSTALL_RPATH "" INSTALL_RPATH_USE_LINK_PATH OFF)
  if(PATCHBAY_PLUGIN_DIR)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PATCHBAY_PLUGIN_DIR})
  endif()
  if(PATCHBAY_PLUGIN_INSTALL)
    install(TARGETS ${name} LIBRARY DESTINATION ${PATCHBAY_PLUGIN_INSTALL})
  endif()
  patchbay_plugin_flags(${name} "${P_LIBRARIES}")
  if(P_STATIC)
    patchbay_plugin_static(${name} "${P_SOURCES}" "${P_LIBRARIES}")
  endif()
endfunction()

# What the module and the static variant have in common.
function(patchbay_plugin_flags target libraries)
  target_link_libraries(${target} PRIVATE Patchbay::sdk ${libraries})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_options(${target} PRIVATE -fstack-clash-protection)
  set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
endfunction()

# NAME_static: the objects joined into one, hidden symbols made local.
function(patchbay_plugin_static name sources libraries)
  string(REGEX REPLACE "[-.]" "_" symbol ${name})
  set(joined ${CMAKE_CURRENT_BINARY_DIR}/${name}_static.o)
  add_library(${name}_objects OBJECT EXCLUDE_FROM_ALL ${sources})
  target_compile_definitions(${name}_objects PRIVATE PB_PLUGIN_SYMBOL=patchbay_plugin_${symbol})
  patchbay_plugin_flags(${name}_objects "${libraries}")
  add_custom_command(OUTPUT ${joined}
    COMMAND ${CMAKE_LINKER} -r -o ${joined} $<TARGET_OBJECTS:${name}_objects>
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${joined}
    DEPENDS ${name}_objects $<TARGET_OBJECTS:${name}_objects>
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${name}_joined DEPENDS ${joined})
  add_library(${name}_static INTERFACE)
  add_dependencies(${name}_static ${name}_joined)
  target_sources(${name}_static INTERFACE ${joined})
  target_link_libraries(${name}_static INTERFACE ${libraries})
endfunction()
