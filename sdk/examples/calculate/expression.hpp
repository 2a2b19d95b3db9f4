/* expression.hpp - the value of an expression: "2 * (rent + 30) / 12". */
#ifndef EXPRESSION_HPP
#define EXPRESSION_HPP

#include <map>
#include <string>
#include <string_view>

/* What was written cannot be calculated; the sentence says why, and where. */
struct not_a_number {
    std::string sentence;
};

/* By recursive descent: + - * / ^ ( ), numbers, names, sqrt(x), abs(x), round(x). Throws not_a_number. */
double value_of(std::string_view text, const std::map<std::string, double, std::less<>> &names);

#endif
