# contrib_plugin(NAME SOURCES file… [PACKAGES module…] [DEBIAN package…] [LIBRARIES target…]
#                [TESTS_USE library…])
#
# NAME.so with `patchbay_plugin`, a program and a test `NAME/test_x` for each tests/test_x.c or .cpp,
# and a test `NAME/example` that example.yaml is a good configuration. PACKAGES are what pkg-config
# must know; where it does not the plugin is left out, and DEBIAN says what to install. TESTS_USE is
# linked into the tests alone.
function(contrib_plugin name)
  cmake_parse_arguments(P "" "" "SOURCES;PACKAGES;DEBIAN;LIBRARIES;TESTS_USE" ${ARGN})
  if(P_PACKAGES)
    string(MAKE_C_IDENTIFIER CONTRIB_${name} found)
    pkg_check_modules(${found} QUIET IMPORTED_TARGET ${P_PACKAGES})
    if(NOT ${found}_FOUND)
      list(JOIN P_PACKAGES " and " wanted)
      list(JOIN P_DEBIAN " " install)
      contrib_leave_out(${name} "pkg-config does not find ${wanted}; install ${install}")
      return()
    endif()
    list(APPEND P_LIBRARIES PkgConfig::${found})
  endif()
  patchbay_plugin(${name} STATIC SOURCES ${P_SOURCES} LIBRARIES ${P_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY CONTRIB_BUILT ${name})
  file(GLOB tests CONFIGURE_DEPENDS tests/test_*.c tests/test_*.cpp)
  foreach(file IN LISTS tests)
    get_filename_component(test ${file} NAME_WE)
    add_executable(${name}_${test} ${file})
    target_link_libraries(${name}_${test} PRIVATE ${name}_static Patchbay::testkit ${P_TESTS_USE})
    target_include_directories(${name}_${test} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/tests)
    add_test(NAME ${name}/${test} COMMAND ${name}_${test}
      WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${name}/${test} PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
  endforeach()
  add_test(NAME ${name}/example COMMAND ${PATCHBAY_PROGRAM} check
    -c ${CMAKE_CURRENT_SOURCE_DIR}/example.yaml --set "plugins.path=[$<TARGET_FILE_DIR:${name}>]")
  set_tests_properties(${name}/example PROPERTIES TIMEOUT 60)
endfunction()

# For a folder that looks for its library itself: the plugin is not built, because of `reason`.
function(contrib_leave_out name reason)
  set_property(GLOBAL APPEND PROPERTY CONTRIB_LEFT_OUT ${name})
  set_property(GLOBAL PROPERTY CONTRIB_REASON_${name} "${reason}")
endfunction()

# What is built and what is not, at the end of the configuration and in the file `contrib.txt`.
function(contrib_say)
  get_property(built GLOBAL PROPERTY CONTRIB_BUILT)
  get_property(left_out GLOBAL PROPERTY CONTRIB_LEFT_OUT)
  set(lines "")
  foreach(name IN LISTS built)
    list(APPEND lines "built ${name}")
  endforeach()
  foreach(name IN LISTS left_out)
    get_property(reason GLOBAL PROPERTY CONTRIB_REASON_${name})
    string(REPLACE ";" "," reason "${reason}")
    list(APPEND lines "left out ${name}: ${reason}")
  endforeach()
  foreach(line IN LISTS lines)
    message(STATUS "contrib: ${line}")
  endforeach()
  list(JOIN lines "\n" text)
  file(WRITE ${CMAKE_BINARY_DIR}/contrib.txt "${text}\n")
endfunction()
