-- 如果科技创新的权重是三倍，谁上升最多、谁下降最多？
-- If technological innovation counted threefold, who would gain and lose most?
--
-- Learn: a table macro takes weights as named parameters and is used like a table.
-- Read: weights are a choice, not a finding. `rank_change` above 0 is better than official. What is not named
-- weighs 1.

select
    city_zh,
    city_en,
    official_rank,
    rank,
    rank_change,
    round(score, 1) as score
from marts.what_if(technological_innovation := 3)
where abs(rank_change) >= 3
order by rank_change desc, official_rank, city_code
