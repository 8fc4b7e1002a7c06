-- 一个维度的五个变量是否说的是同一件事？自己算一遍克龙巴赫系数。
-- Do the five variables of a dimension say the same? Cronbach's alpha by hand.
--
-- Learn: an aggregate of aggregates: variances of the parts against the variance of the sum.
-- Read: near 1 the variables order the cities alike, near 0 they have little in common. A low alpha is no
-- flaw of the data: it says that the sum hides differences. `stored` is the same from marts.reliability.

with part_variances as (
    select
        variables.dimension_code,
        scores.variable_code,
        var_pop(scores.score) as variance
    from marts.fct_variable_scores as scores
    inner join marts.dim_variables as variables using (variable_code)
    where scores.edition = '2025'
    group by variables.dimension_code, scores.variable_code
),

parts as (
    select
        dimension_code,
        count(*) as items,
        sum(variance) as variance
    from part_variances
    group by dimension_code
),

sums as (
    select
        dimension_code,
        var_pop(score) as variance
    from marts.fct_dimension_scores
    where edition = '2025'
    group by dimension_code
)

select
    reliability.label_zh,
    reliability.label_en,
    round(parts.items / (parts.items - 1) * (1 - parts.variance / sums.variance), 2) as alpha,
    round(reliability.cronbach_alpha, 2) as stored
from parts
inner join sums using (dimension_code)
inner join marts.reliability as reliability
    on parts.dimension_code = reliability.code and reliability.level = 'dimension' and reliability.edition = '2025'
order by alpha desc, reliability.code
