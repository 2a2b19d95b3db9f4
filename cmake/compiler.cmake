# Warnings, hardening and sanitizers for everything that is built here.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(PATCHBAY_SANITIZE "" CACHE STRING "address;undefined, thread, or empty")
option(PATCHBAY_COVERAGE "Measure line coverage" OFF)
option(PATCHBAY_WERROR "Warnings are errors" ON)

add_compile_options(
  -Wall -Wextra -Wshadow -Wvla -Wframe-larger-than=8192
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  -fvisibility=hidden -fstack-clash-protection -fno-common -g)
add_compile_definitions(_GNU_SOURCE)
if(PATCHBAY_WERROR)
  add_compile_options(-Werror)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_DEBUG "-O0 -DPATCHBAY_DEBUG=1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -DPATCHBAY_DEBUG=1")
if(PATCHBAY_SANITIZE)
  list(JOIN PATCHBAY_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all -O1)
  add_link_options(-fsanitize=${sanitizers})
  # sanitizers make frames larger
  add_compile_options(-Wno-frame-larger-than -Wno-maybe-uninitialized)
else()
  add_compile_options(-fstack-protector-strong)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
  add_link_options(-Wl,-z,relro,-z,now)
endif()
if(PATCHBAY_COVERAGE)
  add_compile_options(--coverage -O0)
  add_link_options(--coverage)
endif()
