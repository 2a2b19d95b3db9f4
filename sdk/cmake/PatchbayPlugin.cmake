# patchbay_plugin(NAME [STATIC] SOURCES file… [RUST file] [LIBRARIES target…])
#
# Builds NAME.so, a plugin for Patchbay: everything hidden but its one symbol. With STATIC also the
# target NAME_static, to be linked into a test program: its descriptor is called
# patchbay_plugin_NAME ('-' and '.' become '_') and every other symbol is local, so that any number
# of plugins fit in one program, under sanitizers and coverage too.
#
# RUST names the root of a crate without dependencies (NAME.rs), which rustc builds and which becomes part
# of the plugin; SOURCES then are its tables, in C.
#
# Sources in subfolders include "x.h" of the plugin's folder by its name.
#
# Variables that a project may set: PATCHBAY_PLUGIN_DIR, the folder that gets NAME.so (else that of
# the build); PATCHBAY_PLUGIN_INSTALL, where `cmake --install` puts it (else nowhere).
set(PATCHBAY_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/patchbay_plugin.map)

function(patchbay_plugin name)
  cmake_parse_arguments(P "STATIC" "RUST" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT P_SOURCES)
    message(FATAL_ERROR "patchbay_plugin(${name}): SOURCES is missing")
  endif()
  add_library(${name} MODULE ${P_SOURCES})
  # relro and now: what the linker filled in is read-only, so a write to the file's memory is its own.
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,relro,-z,now
    -Wl,--version-script=${PATCHBAY_PLUGIN_MAP})
  # A plugin with a RUNPATH is refused: its libraries come from the system's folders.
  set_target_properties(${name} PROPERTIES PREFIX "" LINK_DEPENDS ${PATCHBAY_PLUGIN_MAP}
    SKIP_BUILD_RPATH ON INSTALL_RPATH "" INSTALL_RPATH_USE_LINK_PATH OFF)
  set(archive)
  if(P_RUST)
    patchbay_plugin_rust(${name} ${P_RUST} archive)
    target_link_libraries(${name} PRIVATE ${archive})
    set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${archive})
    add_dependencies(${name} ${name}_crate)
  endif()
  if(PATCHBAY_PLUGIN_DIR)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PATCHBAY_PLUGIN_DIR})
  endif()
  if(PATCHBAY_PLUGIN_INSTALL)
    install(TARGETS ${name} LIBRARY DESTINATION ${PATCHBAY_PLUGIN_INSTALL})
  endif()
  patchbay_plugin_flags(${name} "${P_LIBRARIES}")
  if(P_STATIC)
    patchbay_plugin_static(${name} "${P_SOURCES}" "${P_LIBRARIES}" "${archive}")
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

# The crate as a static library, whose path goes into the variable `out`.
function(patchbay_plugin_rust name root out)
  find_program(PATCHBAY_RUSTC rustc)
  if(NOT PATCHBAY_RUSTC)
    message(FATAL_ERROR "patchbay_plugin(${name}): ${root} needs the Rust compiler: install rustc")
  endif()
  string(REGEX REPLACE "[-.]" "_" crate ${name})
  set(archive ${CMAKE_CURRENT_BINARY_DIR}/lib${crate}_crate.a)
  get_filename_component(root ${root} ABSOLUTE)
  add_custom_command(OUTPUT ${archive}
    COMMAND ${PATCHBAY_RUSTC} --edition 2021 --crate-type staticlib --crate-name ${crate}_crate
      -C opt-level=$<IF:$<CONFIG:Debug>,0,2> -C debuginfo=1 -C relocation-model=pic
      --emit=link,dep-info --out-dir ${CMAKE_CURRENT_BINARY_DIR} ${root}
    DEPENDS ${root} DEPFILE ${CMAKE_CURRENT_BINARY_DIR}/${crate}_crate.d VERBATIM)
  add_custom_target(${name}_crate DEPENDS ${archive})
  set(${out} ${archive} PARENT_SCOPE)
endfunction()

# NAME_static: the objects joined into one (with what they use of the archive), in which only the
# descriptor stays visible. What C++ needs at run time goes with it.
function(patchbay_plugin_static name sources libraries archive)
  string(REGEX REPLACE "[-.]" "_" symbol ${name})
  set(joined ${CMAKE_CURRENT_BINARY_DIR}/${name}_static.o)
  add_library(${name}_objects OBJECT EXCLUDE_FROM_ALL ${sources})
  target_compile_definitions(${name}_objects PRIVATE PB_PLUGIN_SYMBOL=patchbay_plugin_${symbol})
  patchbay_plugin_flags(${name}_objects "${libraries}")
  set(local --localize-hidden)
  set(join -r)
  if(archive) # the functions of a crate are not hidden
    set(local --keep-global-symbol=patchbay_plugin_${symbol})
    set(join -r --force-group-allocation)
  endif()
  if(sources MATCHES "\\.(cc|cpp|cxx)(;|$)")
    set(join -r --force-group-allocation) # else inline functions are shared by name
    list(APPEND libraries ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
  endif()
  add_custom_command(OUTPUT ${joined}
    COMMAND ${CMAKE_LINKER} ${join} -o ${joined} $<TARGET_OBJECTS:${name}_objects>
      ${archive}
    COMMAND ${CMAKE_OBJCOPY} ${local} ${joined}
    DEPENDS ${name}_objects $<TARGET_OBJECTS:${name}_objects> ${archive}
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${name}_joined DEPENDS ${joined})
  if(archive)
    add_dependencies(${name}_joined ${name}_crate)
  endif()
  add_library(${name}_static INTERFACE)
  add_dependencies(${name}_static ${name}_joined)
  target_sources(${name}_static INTERFACE ${joined})
  target_link_libraries(${name}_static INTERFACE ${libraries})
endfunction()
