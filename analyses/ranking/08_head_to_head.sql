-- 前六名两两相比，各在多少个变量上胜出？
-- Of the first six cities, in how many of the 50 variables is each ahead of each other?
--
-- Learn: a self join makes all pairs; pivot turns the opponents into columns, named by their ranks.
-- Read: row against column. Two cells across from each other need not add up to 50: in the rest the cities
-- are level. Who is ahead in more variables may have the lower total, for a lead counts once here, however
-- many points it is. Filter before you pivot: DuckDB 1.5 takes no notice of a filter behind `using count(*)`.

with first_six as (
    select
        cards.city_code,
        cards.city_zh,
        cards.total_rank,
        scores.variable_code,
        scores.score
    from marts.city_scorecards as cards
    inner join marts.fct_variable_scores as scores using (edition, city_code)
    where cards.edition = '2025' and cards.total_rank <= 6
),

leads as (
    select
        mine.total_rank,
        mine.city_zh,
        theirs.total_rank as opponent_rank
    from first_six as mine
    inner join first_six as theirs on mine.variable_code = theirs.variable_code and mine.score > theirs.score
)

pivot leads
on opponent_rank in (1, 2, 3, 4, 5, 6)
using count(*)
group by total_rank, city_zh
order by total_rank
