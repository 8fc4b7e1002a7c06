-- 两年GDP相除就是增长率吗？
-- Is the quotient of two years' GDP the growth rate?
--
-- Learn: two years of one statistic in one row, by a self join; compare with the printed rate.
-- Read: no. The quotient is of current prices, the printed rate of constant ones, and the earlier figure may
-- have been revised since, or be of another territory. Where the two differ by many points, that is likelier
-- than a boom: compare cities by the printed rate.

with figures as (
    select
        city_code,
        max(value) filter (where statistic_code = 'gdp' and year = 2023) as gdp_2023,
        max(value) filter (where statistic_code = 'gdp' and year = 2024) as gdp_2024,
        max(value) filter (where statistic_code = 'gdp_growth' and year = 2024) as printed_growth
    from marts.fct_observations
    where is_used
    group by city_code
),

growth as (
    select
        *,
        round(100 * (gdp_2024 / gdp_2023 - 1), 1) as quotient
    from figures
)

select
    cities.city_zh,
    cities.city_en,
    growth.gdp_2023,
    growth.gdp_2024,
    growth.quotient,
    growth.printed_growth,
    round(growth.quotient - growth.printed_growth, 1) as difference
from growth
inner join marts.dim_cities as cities using (city_code)
order by abs(difference) desc, cities.city_code
limit 8
