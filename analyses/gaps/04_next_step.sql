-- 我的城市（广州）要追上前一名，最少要在几个变量上进步？
-- In how few variables could my city, Guangzhou, draw level with the one above?
--
-- Learn: a ready table of steps, read in their order; a second join of dim_cities names the target.
-- Read: a measure of distance, not advice: the largest room is seldom the cheapest gain, and every point is a
-- place won from another city. explanation.md tells what is left out.

with asked as (
    select '广州' as city_zh
)

select
    steps.step_no,
    variables.variable_zh,
    variables.variable_en,
    steps.score,
    steps.room,
    steps.points_added,
    steps.points_needed,
    above.city_zh as level_with
from marts.next_step as steps
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_variables as variables using (variable_code)
inner join marts.score_gaps as gaps using (edition, city_code)
inner join marts.dim_cities as above on gaps.target_city_code = above.city_code
inner join asked on cities.city_zh = asked.city_zh
where steps.edition = '2025' and gaps.target = 'city_above'
order by steps.step_no
