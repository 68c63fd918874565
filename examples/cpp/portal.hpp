// libportal for C++17: handles that free themselves, and errors as exceptions. Copy it beside your program and change
// it as you like. What each call does, and from which threads, is said in portal.h.
//
// The namespace is libportal, because the header of C has a type named portal.

#ifndef LIBPORTAL_PORTAL_HPP
#define LIBPORTAL_PORTAL_HPP

#include <portal.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace libportal {

// A call that failed. Compare the status or the code, never what().
class Error : public std::runtime_error {
public:
    // Takes the error of C, which may be NULL, and frees it.
    Error(std::int32_t status, portal_error *error) : Error(status, Owned(error)) {}

    std::int32_t status() const noexcept { return status_; }       // PORTAL_ERR_...
    const std::string &code() const noexcept { return code_; }     // "ERR_..."
    const std::string &extras() const noexcept { return extras_; } // A JSON object: field, ttl_seconds, ...

private:
    struct Free {
        void operator()(portal_error *error) const noexcept { portal_error_free(error); }
    };
    using Owned = std::unique_ptr<portal_error, Free>;

    Error(std::int32_t status, Owned error)
        : std::runtime_error(portal_error_message(error.get())), status_(status),
          code_(portal_error_code(error.get())), extras_(portal_error_extras(error.get())) {}

    std::int32_t status_;
    std::string code_, extras_;
};

// Runs a function of C whose last parameter is an error, and throws what it answers:
//
//     std::int64_t user = 0;
//     checked([&](portal_error **error) { return portal_user_create(portal.c(), &who, "ada", 3, &user, error); });
template <typename Call> void checked(Call call) {
    portal_error *error = nullptr;
    if (std::int32_t status = call(&error); status != PORTAL_OK) {
        throw Error(status, error);
    }
}

// As checked, for a function that hands out a text or document.
template <typename Call> std::string text(Call call) {
    struct Buf : portal_buf {
        Buf() : portal_buf{} {}
        Buf(const Buf &) = delete;
        Buf &operator=(const Buf &) = delete;
        ~Buf() { portal_buf_dispose(this); }
    } buf;
    checked([&](portal_error **error) { return call(static_cast<portal_buf *>(&buf), error); });
    return buf.data == nullptr ? std::string() : std::string(buf.data, buf.len);
}

namespace detail {

// Frees what a unique_ptr holds with a function of C.
template <auto Function> struct FreeWith {
    template <typename T> void operator()(T *pointer) const noexcept { Function(pointer); }
};

} // namespace detail

// On whose behalf a call is made, and from where.
class Actor {
public:
    static Actor guest() { return Actor(PORTAL_ACTOR_GUEST, 0); }
    static Actor session(std::int64_t id) { return Actor(PORTAL_ACTOR_SESSION, id); }
    static Actor connection(std::int64_t id) { return Actor(PORTAL_ACTOR_CONNECTION, id); }
    static Actor user(std::int64_t id) { return Actor(PORTAL_ACTOR_USER, id); }
    static Actor bot(std::int64_t id) { return Actor(PORTAL_ACTOR_BOT, id); }
    // The program itself, which passes nearly every rule: never what a client asks for. `operator` alone is C++'s own.
    static Actor operator_() { return Actor(PORTAL_ACTOR_OPERATOR, 0); }

    std::string ip, user_agent, country; // Empty is absent.

    std::int64_t id() const noexcept { return id_; }

    // As C wants it; valid while this actor lives and is not changed.
    portal_actor c() const noexcept {
        portal_actor actor{};
        actor.size = sizeof actor;
        actor.kind = kind_;
        actor.id = id_;
        actor.ip = ip.data(), actor.ip_len = ip.size();
        actor.user_agent = user_agent.data(), actor.user_agent_len = user_agent.size();
        actor.country = country.empty() ? nullptr : country.data(), actor.country_len = country.size();
        return actor;
    }

private:
    Actor(std::int32_t kind, std::int64_t id) : kind_(kind), id_(id) {}

    std::int32_t kind_;
    std::int64_t id_;
};

// How a file is opened.
struct Options {
    std::uint32_t flags = 0; // PORTAL_OPEN_...

    // These must not throw, nor call the library, and are called from any thread, several at once.
    std::function<std::int64_t()> now_ms; // UTC milliseconds since 1970; empty: the system's clock.
    // Told what an operator would want to know and no answer tells, with a PORTAL_LOG_...; empty: nobody is.
    std::function<void(std::int32_t level, std::string_view text)> log;
};

// A place in the log of events.
struct Position {
    std::string log_id;
    std::uint64_t after = 0;
};

// Reads the log of events.
class Follower {
public:
    explicit Follower(portal_follower *follower) : follower_(follower) {}

    // The next events as a JSON array; waits so long for the first.
    std::string next(std::uint32_t limit = 100, std::uint32_t timeout_ms = 0) {
        return text([&](portal_buf *events, portal_error **error) {
            return portal_follower_next(follower_.get(), limit, timeout_ms, events, error);
        });
    }

    // What is to be written to which connection, as a JSON array; needs PORTAL_OPEN_PRESENCE.
    std::string deliver(std::uint32_t limit = 100, std::uint32_t timeout_ms = 0) {
        return text([&](portal_buf *deliveries, portal_error **error) {
            return portal_follower_deliver(follower_.get(), limit, timeout_ms, deliveries, error);
        });
    }

    // Where to go on after a restart.
    Position position() const {
        Position position;
        position.log_id = text([&](portal_buf *log_id, portal_error **error) {
            return portal_follower_position(follower_.get(), log_id, &position.after, error);
        });
        return position;
    }

    // Ends a wait, from another thread.
    void wake() noexcept { portal_follower_wake(follower_.get()); }

private:
    std::unique_ptr<portal_follower, detail::FreeWith<portal_follower_free>> follower_;
};

// An open database file.
class Portal {
public:
    explicit Portal(std::string_view path, Options options = {}) {
        portal_options with{};
        with.size = sizeof with;
        with.flags = options.flags;
        if (options.now_ms) {
            with.now_ms = [](void *host) noexcept { return static_cast<Options *>(host)->now_ms(); };
        }
        if (options.log) {
            with.log = [](void *host, std::int32_t level, const char *text, std::size_t text_len) noexcept {
                static_cast<Options *>(host)->log(level, std::string_view(text, text_len));
            };
        }
        // The library owns these from here on, also if opening fails, and says when it is done with them.
        with.host = new Options(std::move(options));
        with.release = [](void *host) noexcept { delete static_cast<Options *>(host); };
        portal *handle = nullptr;
        checked([&](portal_error **error) {
            return portal_open(path.data(), path.size(), &with, &handle, error);
        });
        handle_.reset(handle);
    }

    // Ends the work, from any thread, and returns once the file is closed. The destructor does it too.
    void close() {
        checked([&](portal_error **error) { return portal_close(handle_.get(), error); });
    }

    // Runs an operation by its name, with JSON in and out.
    std::string call(const Actor &actor, std::string_view op, std::string_view params = {}) {
        portal_actor who = actor.c();
        return text([&](portal_buf *reply, portal_error **error) {
            return portal_call(handle_.get(), &who, op.data(), op.size(), params.data(), params.size(), reply, error);
        });
    }

    // The session of a token.
    Actor authenticate(std::string_view token) {
        std::int64_t session = 0;
        checked([&](portal_error **error) {
            return portal_authenticate(handle_.get(), token.data(), token.size(), &session, error);
        });
        return Actor::session(session);
    }

    // Notes a live connection of a session or a guest; needs PORTAL_OPEN_PRESENCE.
    Actor connect(const Actor &actor) {
        portal_actor who = actor.c();
        std::int64_t connection = 0;
        checked([&](portal_error **error) {
            return portal_connect(handle_.get(), &who, &connection, error);
        });
        return Actor::connection(connection);
    }

    void disconnect(const Actor &connection) {
        checked([&](portal_error **error) {
            return portal_disconnect(handle_.get(), connection.id(), error);
        });
    }

    // Does what is due by the clock, and answers when it next wants to be called.
    std::int64_t tick() {
        std::int64_t next_ms = 0;
        checked([&](portal_error **error) { return portal_tick(handle_.get(), &next_ms, error); });
        return next_ms;
    }

    // Follows the log of events from its present end, or from a position.
    Follower follow(const Position &from = {}) {
        portal_follower *follower = nullptr;
        checked([&](portal_error **error) {
            return portal_follower_open(handle_.get(), from.log_id.data(), from.log_id.size(), from.after, &follower,
                                        error);
        });
        return Follower(follower);
    }

    // For the functions of C that have no counterpart here, such as portal_message_send.
    portal *c() noexcept { return handle_.get(); }

private:
    std::unique_ptr<portal, detail::FreeWith<portal_free>> handle_;
};

// A client's keys. Each call that answers a step answers a JSON object: requests to call, each {id, op, params}, whose
// answers go to reply or refused; alarms for a person to see; keys that came; and wake_at_ms, when to call tick, or null.
class Keyring {
public:
    // PORTAL_KEYRING_... flags. A new key is made for the session.
    Keyring(std::int64_t user_id, std::int64_t session_id, std::uint32_t flags = 0) {
        portal_keyring_options options = options_of(user_id, session_id, flags);
        portal_keyring *keyring = nullptr;
        checked([&](portal_error **error) { return portal_keyring_new(&options, &keyring, error); });
        keyring_.reset(keyring);
    }

    // 32 bytes that seal a keyring which is kept.
    using Key = std::array<std::uint8_t, 32>;

    // What exported has sealed.
    static Keyring imported(std::string_view sealed, const Key &key, std::int64_t user_id, std::int64_t session_id,
                            std::uint32_t flags = 0) {
        portal_keyring_options options = options_of(user_id, session_id, flags);
        portal_keyring *keyring = nullptr;
        checked([&](portal_error **error) {
            return portal_keyring_import(&options, sealed.data(), sealed.size(), key.data(), &keyring, error);
        });
        return Keyring(keyring);
    }

    std::string exported(const Key &key) {
        return text([&](portal_buf *sealed, portal_error **error) {
            return portal_keyring_export(keyring_.get(), key.data(), sealed, error);
        });
    }

    // Takes in an event as it was delivered; and room.join with the reply of that operation, room.leave with a chat_id,
    // and disconnected with {}.
    std::string event(std::string_view name, std::string_view data, std::int64_t now_ms) {
        return text([&](portal_buf *step, portal_error **error) {
            return portal_keyring_event(keyring_.get(), name.data(), name.size(), data.data(), data.size(), now_ms, step,
                                        error);
        });
    }

    // Takes in the reply to a request.
    std::string reply(std::int64_t request_id, std::string_view document, std::int64_t now_ms) {
        return answer(request_id, PORTAL_OK, document, now_ms);
    }

    // Takes in that a request was refused.
    std::string refused(std::int64_t request_id, const Error &refusal, std::int64_t now_ms) {
        return answer(request_id, refusal.status(), refusal.extras(), now_ms);
    }

    std::string tick(std::int64_t now_ms) {
        return text([&](portal_buf *step, portal_error **error) {
            return portal_keyring_tick(keyring_.get(), now_ms, step, error);
        });
    }

    // The content of message.send.
    std::string seal(std::int64_t chat_id, std::string_view plaintext) {
        return text([&](portal_buf *envelope, portal_error **error) {
            return portal_keyring_seal(keyring_.get(), chat_id, plaintext.data(), plaintext.size(), envelope, error);
        });
    }

    // What a message says. PORTAL_ERR_NO_ROOM_KEY: its key may come yet; PORTAL_ERR_DECRYPT: it does not open.
    std::string open(std::int64_t chat_id, std::int64_t message_id, std::int64_t sender_id, std::string_view envelope) {
        return text([&](portal_buf *plaintext, portal_error **error) {
            return portal_keyring_open(keyring_.get(), chat_id, message_id, sender_id, envelope.data(), envelope.size(),
                                       plaintext, error);
        });
    }

    // For portal_keyring_decide, _disclose, _sessions and _people.
    portal_keyring *c() noexcept { return keyring_.get(); }

private:
    explicit Keyring(portal_keyring *keyring) : keyring_(keyring) {}

    static portal_keyring_options options_of(std::int64_t user_id, std::int64_t session_id, std::uint32_t flags) {
        portal_keyring_options options{};
        options.size = sizeof options;
        options.flags = flags;
        options.user_id = user_id;
        options.session_id = session_id;
        return options;
    }

    std::string answer(std::int64_t request_id, std::int32_t status, std::string_view document, std::int64_t now_ms) {
        return text([&](portal_buf *step, portal_error **error) {
            return portal_keyring_reply(keyring_.get(), request_id, status, document.data(), document.size(), now_ms,
                                        step, error);
        });
    }

    std::unique_ptr<portal_keyring, detail::FreeWith<portal_keyring_free>> keyring_;
};

} // namespace libportal

#endif
