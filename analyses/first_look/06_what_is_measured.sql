-- “绿色低碳”究竟衡量什么？
-- What does the dimension green and low-carbon measure?
--
-- Learn: one row a variable, its indicators gathered by string_agg.
-- Read: behind each indicator its direction: `lower` means that less is better. A variable of several
-- indicators ranks the sum of their points.

with asked as (
    select '绿色低碳' as dimension_zh
)

select
    variables.variable_zh,
    variables.variable_en,
    string_agg(indicators.indicator_en || ' (' || indicators.direction || ')', '; ' order by indicators.indicator_no)
        as indicators
from marts.dim_variables as variables
inner join marts.dim_dimensions as dimensions using (dimension_code)
inner join marts.dim_indicators as indicators using (variable_code)
inner join asked using (dimension_zh)
group by variables.variable_no, variables.variable_zh, variables.variable_en
order by variables.variable_no
