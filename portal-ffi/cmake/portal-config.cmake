# find_package(portal) reads this file. It gives
#
#   portal::portal         the shared library
#   portal::portal_static  the static one, with what it needs of the system; SQLite is inside
#
# as far as they are installed. Everything is found from where this file lies, PREFIX/share/cmake/portal, so that the
# prefix can be moved or packed.

cmake_path(SET _portal_prefix NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../..")

set(_portal_libdir "")
foreach(_portal_candidate IN ITEMS "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib lib64)
    if(EXISTS "${_portal_prefix}/${_portal_candidate}/pkgconfig/portal.pc")
        set(_portal_libdir "${_portal_prefix}/${_portal_candidate}")
        break()
    endif()
endforeach()

if(_portal_libdir STREQUAL "" OR NOT EXISTS "${_portal_prefix}/include/portal.h")
    set(portal_FOUND FALSE)
    set(portal_NOT_FOUND_MESSAGE "include/portal.h and portal.pc are not where they belong under ${_portal_prefix}")
    return()
endif()

set(_portal_shared "${_portal_libdir}/${CMAKE_SHARED_LIBRARY_PREFIX}portal${CMAKE_SHARED_LIBRARY_SUFFIX}")
set(_portal_static "${_portal_libdir}/${CMAKE_STATIC_LIBRARY_PREFIX}portal${CMAKE_STATIC_LIBRARY_SUFFIX}")

if(EXISTS "${_portal_shared}" AND NOT TARGET portal::portal)
    add_library(portal::portal SHARED IMPORTED)
    set_target_properties(portal::portal PROPERTIES
        IMPORTED_LOCATION "${_portal_shared}"
        INTERFACE_INCLUDE_DIRECTORIES "${_portal_prefix}/include")
endif()

if(EXISTS "${_portal_static}" AND NOT TARGET portal::portal_static)
    # What the system has to bring differs from one to the next; portal.pc has it from the compiler.
    file(STRINGS "${_portal_libdir}/pkgconfig/portal.pc" _portal_private REGEX "^Libs\\.private:")
    string(REGEX REPLACE "^Libs\\.private:[ ]*" "" _portal_private "${_portal_private}")
    separate_arguments(_portal_private UNIX_COMMAND "${_portal_private}")
    add_library(portal::portal_static STATIC IMPORTED)
    set_target_properties(portal::portal_static PROPERTIES
        IMPORTED_LOCATION "${_portal_static}"
        INTERFACE_INCLUDE_DIRECTORIES "${_portal_prefix}/include"
        INTERFACE_LINK_LIBRARIES "${_portal_private}")
endif()

if(NOT TARGET portal::portal AND NOT TARGET portal::portal_static)
    set(portal_FOUND FALSE)
    set(portal_NOT_FOUND_MESSAGE "there is no library of portal in ${_portal_libdir}")
endif()
