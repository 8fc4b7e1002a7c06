-- 哪些变量最能代表总积分，哪些与它背道而驰？
-- Which variables tell most about the total, and which pull against it?
--
-- Learn: the first and last of a ranking in one query, by two windows.
-- Read: `with_rest` is the correlation with the total less the variable itself, for a part always goes with
-- its whole. A negative one is no mistake: cities that are ahead tend to have dear housing and high costs.

with placed as (
    select
        label_a_zh,
        label_a_en,
        pearson_rest,
        row_number() over (order by pearson_rest desc, code_a) as from_top,
        row_number() over (order by pearson_rest, code_a) as from_bottom
    from marts.score_correlations
    where edition = '2025' and pair = 'variable_with_total'
)

select
    from_top as place,
    label_a_zh as variable_zh,
    label_a_en as variable_en,
    round(pearson_rest, 2) as with_rest
from placed
where from_top <= 5 or from_bottom <= 5
order by from_top
