// An encrypted chat of two people, whose clients are one program with the host here. JSON is read by nlohmann/json.
//
//     c++ -std=c++17 chat.cpp $(pkg-config --cflags --libs portal) -o chat && ./chat NEW-FILE

#include "portal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <vector>

using libportal::Actor;
using libportal::Error;
using libportal::Keyring;
using libportal::Portal;
using nlohmann::json;

static json call_as(Portal &portal, const Actor &who, std::string_view op, const json &params = json::object()) {
    return json::parse(portal.call(who, op, params.dump()));
}

// Somebody's device: a connection and a keyring.
class Client {
public:
    Client(Portal &portal, std::string name, const std::int64_t &now_ms)
        : name_(std::move(name)), portal_(portal), now_ms_(now_ms),
          user_(call_as(portal, Actor::operator_(), "user.create", {{"username", name_}, {"tier", "premium"}})["user_id"]),
          session_(call_as(portal, Actor::operator_(), "session.create", {{"user_id", user_}})["session_id"]),
          connection_(portal.connect(Actor::session(session_))), keyring_(user_, session_) {}

    json call(std::string_view op, const json &params) { return call_as(portal_, connection_, op, params); }

    void join(std::int64_t chat) { hear("room.join", call("room.join", {{"chat_id", chat}})); }

    void say(std::int64_t chat, std::string_view text) {
        call("message.send", {{"chat_id", chat}, {"content", keyring_.seal(chat, text)}});
    }

    // Takes in one delivery, if it is for this connection.
    void deliver(const json &delivery) {
        auto to = delivery.value("to", std::vector<std::int64_t>());
        if (std::find(to.begin(), to.end(), connection_.id()) != to.end()) {
            hear(delivery["name"], delivery["data"]);
        }
    }

    // When the keyring wants a tick, if it does.
    const json &wake_at_ms() const { return wake_at_ms_; }

    void tick() { carry_out(json::parse(keyring_.tick(now_ms_))); }

private:
    void hear(const std::string &name, const json &data) {
        carry_out(json::parse(keyring_.event(name, data.dump(), now_ms_)));
        if (name == "message:new" && data["message"]["kind"] == "user") {
            const json &message = data["message"];
            std::string content = message["content"];
            std::cout << name_ << " reads: "
                      << keyring_.open(message["chat_id"], message["id"], message["sender"]["id"], content) << "\n";
        }
    }

    // Does what the keyring asks for: all that keys need of a client.
    void carry_out(const json &step) {
        wake_at_ms_ = step["wake_at_ms"];
        for (const json &request : step["requests"]) {
            std::string next;
            try {
                next = keyring_.reply(request["id"], call(request["op"].get<std::string>(), request["params"]).dump(),
                                      now_ms_);
            } catch (const Error &refusal) {
                next = keyring_.refused(request["id"], refusal, now_ms_);
            }
            carry_out(json::parse(next));
        }
        for (const json &alarm : step["alarms"]) {
            std::cout << "  (" << name_ << "'s keyring: " << alarm << ")\n";
        }
    }

    std::string name_;
    Portal &portal_;
    const std::int64_t &now_ms_;
    std::int64_t user_, session_;
    Actor connection_;
    Keyring keyring_;
    json wake_at_ms_;
};

// Hands out what there is to hear, until nobody waits for anything. A real host waits where this one turns its clock.
static void settle(Portal &portal, libportal::Follower &follower, std::vector<Client *> clients, std::int64_t &now_ms) {
    for (;;) {
        portal.tick();
        json deliveries = json::parse(follower.deliver());
        for (const json &delivery : deliveries) {
            for (Client *client : clients) {
                client->deliver(delivery);
            }
        }
        auto waits = std::find_if(clients.begin(), clients.end(), [](Client *one) { return one->wake_at_ms() != nullptr; });
        if (deliveries.empty() && waits == clients.end()) {
            return;
        }
        if (deliveries.empty()) {
            now_ms = std::max(now_ms, (*waits)->wake_at_ms().get<std::int64_t>());
            (*waits)->tick();
        }
    }
}

int main(int argc, char **argv) try {
    std::int64_t now_ms = 1'800'000'000'000; // Turned by hand, so that nothing has to be waited for.
    libportal::Options options;
    options.flags = PORTAL_OPEN_PRESENCE;
    options.now_ms = [&now_ms] { return now_ms; };
    options.log = [](std::int32_t level, std::string_view text) {
        std::cerr << "log " << level << ": " << text << "\n"; // 3 is PORTAL_LOG_INFO; a host may keep the others only.
    };
    Portal portal(argc > 1 ? argv[1] : "chat.db", options);
    libportal::Follower follower = portal.follow();
    Client ada(portal, "ada", now_ms), ben(portal, "ben", now_ms);

    std::int64_t chat = ada.call("chat.create", {{"chat_type", "PRIVATE"}, {"name", "The garden"}})["id"];
    ada.join(chat);
    try {
        ben.join(chat);
    } catch (const Error &error) {
        std::cout << "ben is not invited: " << error.code() << "\n"; // For him there is no such chat.
    }
    ben.call("invite.resolve", {{"code", ada.call("invite.create", {{"chat_id", chat}})["code"]}});
    ben.join(chat);
    settle(portal, follower, {&ada, &ben}, now_ms);
    ada.say(chat, "Good morning, Ben");
    settle(portal, follower, {&ada, &ben}, now_ms);
    ben.say(chat, "Good morning");
    settle(portal, follower, {&ada, &ben}, now_ms);
    return EXIT_SUCCESS;
} catch (const Error &error) {
    std::cerr << error.code() << ": " << error.what() << " " << error.extras() << "\n";
    return EXIT_FAILURE;
} catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return EXIT_FAILURE;
}
