/* guard.hpp - where C++ ends: nothing that is thrown leaves a function that the host called. */
#ifndef GUARD_HPP
#define GUARD_HPP

#include <patchbay/log.h>

#include <exception>
#include <new>
#include <string_view>

/* pb_status f(…) noexcept { return guarded([&] { … return PB_OK; }); }
 * Inside `catch` nothing parks: pb_fail and the log do not. What the exception says may have content in
 * it, so it goes to the debug log and not into the sentence. */
template <typename Work> pb_status guarded(Work &&work) noexcept
{
    try {
        return work();
    } catch (const std::bad_alloc &) {
        return pb_fail(PB_NO_MEMORY, "the plugin ran out of memory");
    } catch (const std::exception &thrown) {
        pb_detail("exception: %s", thrown.what());
    } catch (...) {
        pb_detail("an exception that is no std::exception");
    }
    return pb_fail(PB_INTERNAL, "the plugin's code threw an exception");
}

/* The same bytes, borrowed as long as `text` is. */
inline std::string_view view(pb_str text)
{
    return text.size ? std::string_view(text.data, text.size) : std::string_view();
}

inline pb_str str(std::string_view text)
{
    return pb_str_make(text.data(), text.size());
}

#endif
