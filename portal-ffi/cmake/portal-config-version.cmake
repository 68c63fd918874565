# Whether the installed version does for find_package(portal VERSION): the same major version, and before 1.0 the same
# minor one, as cargo has it. The tests compare the version with Cargo's.
set(PACKAGE_VERSION "0.1.0")

string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" _portal_series "${PACKAGE_VERSION}")
set(_portal_major "${CMAKE_MATCH_1}")
set(_portal_minor "${CMAKE_MATCH_2}")

if(PACKAGE_FIND_VERSION_RANGE)
    # A range says itself how far it goes.
    if(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION_MIN
            AND (PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION_MAX
                OR (PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "INCLUDE"
                    AND PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION_MAX)))
        set(PACKAGE_VERSION_COMPATIBLE TRUE)
    endif()
elseif(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION
        AND PACKAGE_FIND_VERSION_MAJOR EQUAL _portal_major
        AND (NOT _portal_major EQUAL 0 OR PACKAGE_FIND_VERSION_COUNT LESS 2
            OR PACKAGE_FIND_VERSION_MINOR EQUAL _portal_minor))
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
    if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
        set(PACKAGE_VERSION_EXACT TRUE)
    endif()
endif()
