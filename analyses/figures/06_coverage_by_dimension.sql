-- 各维度的原始数据有多全？
-- How complete are the raw figures behind each dimension?
--
-- Learn: cross join makes what should be there, left join what is: the difference is what is missing.
-- Read: a cell is a city and an indicator; it is filled if there is a value, of the right year or the year
-- before, or the city is known not to be listed. A variable counts in the scores only when all cities are
-- there.

with cells as (
    select
        variables.dimension_code,
        indicator_values.city_code is not null as is_filled
    from marts.dim_cities as cities
    cross join marts.dim_indicators as indicators
    inner join marts.dim_variables as variables using (variable_code)
    left join marts.fct_indicator_values as indicator_values
        on
            cities.city_code = indicator_values.city_code
            and indicators.indicator_code = indicator_values.indicator_code
            and indicator_values.edition = '2025-recomputed'
)

select
    dimensions.dimension_zh,
    dimensions.dimension_en,
    count(*) as cells,
    count(*) filter (where cells.is_filled) as filled,
    round(100.0 * count(*) filter (where cells.is_filled) / count(*), 1) as percent_filled
from cells
inner join marts.dim_dimensions as dimensions using (dimension_code)
group by dimensions.dimension_no, dimensions.dimension_zh, dimensions.dimension_en
order by percent_filled desc, dimensions.dimension_no
