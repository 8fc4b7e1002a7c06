-- 重算版中，每个维度有多少变量是算出来的，多少沿用报告？
-- In the recomputed edition, how many variables of each dimension are computed, and how many kept as printed?
--
-- Learn: count(distinct ...) with filter, one column a kind.
-- Read: `estimated` rests on figures a year older for some cities. The recomputed edition is the printed one
-- in all other variables: do not take it for an independent index.

select
    dimensions.dimension_zh,
    dimensions.dimension_en,
    count(distinct scores.variable_code) filter (where scores.score_source = 'computed') as computed,
    count(distinct scores.variable_code) filter (where scores.score_source = 'estimated') as estimated,
    count(distinct scores.variable_code) filter (where scores.score_source = 'printed') as printed
from marts.fct_variable_scores as scores
inner join marts.dim_variables as variables using (variable_code)
inner join marts.dim_dimensions as dimensions using (dimension_code)
where scores.edition = '2025-recomputed'
group by dimensions.dimension_no, dimensions.dimension_zh, dimensions.dimension_en
order by dimensions.dimension_no
