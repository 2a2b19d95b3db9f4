/* expression.cpp - see expression.hpp. Depth is bounded: a task's stack is small. */
#include "expression.hpp"

#include <cctype>
#include <charconv>
#include <cmath>

namespace {

const int deepest = 50;

class reader {
public:
    reader(std::string_view text, const std::map<std::string, double, std::less<>> &names)
        : text_(text), names_(names)
    {
    }

    double whole()
    {
        const double value = sum();
        if (next())
            fail("the end was expected");
        if (!std::isfinite(value))
            throw not_a_number{"the result is no finite number"};
        return value;
    }

private:
    double sum()
    {
        double value = product();
        for (;;)
            if (take('+'))
                value += product();
            else if (take('-'))
                value -= product();
            else
                return value;
    }

    double product()
    {
        double value = power();
        for (;;)
            if (take('*'))
                value *= power();
            else if (take('/'))
                value /= divisor();
            else
                return value;
    }

    double divisor()
    {
        const double value = power();
        if (value == 0)
            throw not_a_number{"nothing can be divided by zero"};
        return value;
    }

    /* -2^2 is -4, and 2^3^2 is 2^9, as mathematicians write. */
    double power()
    {
        if (take('-'))
            return -deeper(&reader::power);
        const double base = one();
        return take('^') ? std::pow(base, deeper(&reader::power)) : base;
    }

    double one()
    {
        if (take('('))
            return closed();
        const char first = next();
        if ((first >= '0' && first <= '9') || first == '.')
            return number();
        const std::string_view name = word();
        if (name.empty())
            fail("a number was expected");
        if (take('('))
            return function(name, closed());
        const auto known = names_.find(name);
        if (known == names_.end())
            throw not_a_number{"'" + std::string(name) + "' has no value"};
        return known->second;
    }

    double closed()
    {
        const double value = deeper(&reader::sum);
        if (!take(')'))
            fail("')' was expected");
        return value;
    }

    double function(std::string_view name, double value)
    {
        if (name == "sqrt")
            return std::sqrt(value);
        if (name == "abs")
            return std::fabs(value);
        if (name == "round")
            return std::round(value);
        throw not_a_number{"there is no function '" + std::string(name) + "'"};
    }

    double number()
    {
        double value = 0;
        const char *end = text_.data() + text_.size();
        const auto read = std::from_chars(text_.data() + at_, end, value);
        if (read.ec != std::errc())
            fail("a number was expected");
        at_ = static_cast<size_t>(read.ptr - text_.data());
        return value;
    }

    std::string_view word()
    {
        const size_t begin = at_;
        while (at_ < text_.size() && (std::isalpha(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
            at_++;
        return text_.substr(begin, at_ - begin);
    }

    double deeper(double (reader::*part)())
    {
        if (++depth_ > deepest)
            throw not_a_number{"it is nested too deeply"};
        const double value = (this->*part)();
        depth_--;
        return value;
    }

    char next()
    {
        while (at_ < text_.size() && text_[at_] == ' ')
            at_++;
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    bool take(char wanted)
    {
        const bool there = next() == wanted;
        at_ += there;
        return there;
    }

    [[noreturn]] void fail(const char *what)
    {
        throw not_a_number{std::string(what) + " at character " + std::to_string(at_ + 1)};
    }

    std::string_view text_;
    const std::map<std::string, double, std::less<>> &names_;
    size_t at_ = 0;
    int depth_ = 0;
};

} // namespace

double value_of(std::string_view text, const std::map<std::string, double, std::less<>> &names)
{
    return reader(text, names).whole();
}
