{#-
Random numbers that any engine computes alike: integers, no state, no order of rows.
The minimal standard generator of Park and Miller in its revised form (minstd_rand of the C++ standard) is
x(n) = 48271 * x(n - 1) mod (2^31 - 1), so x(n) = 48271^n * seed mod (2^31 - 1): the n-th number is computed by itself,
from the binary digits of n. No product reaches 2^62.
-#}

{% macro minstd_modulus() -%}
    cast(2147483647 as bigint)
{%- endmacro %}

{% macro minstd(seed, n) -%}
    {#- the seed and one factor for each digit, multiplied in pairs, so that brackets nest five deep and not thirty -#}
    {%- set modulus = 2147483647 -%}
    {%- set ns = namespace(power=48271, factors=['cast(' ~ seed ~ ' as bigint)']) -%}
    {%- for digit in range(31) -%}
        {%- set is_set = 'mod(' ~ n ~ ', ' ~ 2 ** (digit + 1) ~ ') >= ' ~ 2 ** digit -%}
        {%- do ns.factors.append('case when ' ~ is_set ~ ' then cast(' ~ ns.power ~ ' as bigint) else 1 end') -%}
        {%- set ns.power = ns.power * ns.power % modulus -%}
    {%- endfor -%}
    {%- for round in range(5) -%}
        {%- set products = [] -%}
        {%- for pair in ns.factors | batch(2) -%}
            {%- do products.append('mod(' ~ pair | join(' * ') ~ ', ' ~ modulus ~ ')') -%}
        {%- endfor -%}
        {%- set ns.factors = products -%}
    {%- endfor -%}
    {{ ns.factors[0] }}
{%- endmacro %}
