-- 十个维度两两之间有多相关？
-- How far do the ten dimensions go together?
--
-- Learn: corr() over a self join gives all pairs; a pivot makes the matrix.
-- Read: 1: the same but for the scale, 0: unrelated. Row and column numbers are those of the dimensions.
-- Correlation tells nothing about causes: large cities are ahead in much at once. With 60 cities, numbers
-- below 0.25 in size are hardly different from 0.

with pairs as (
    select
        dimensions.dimension_no,
        dimensions.dimension_zh,
        others.dimension_no as other_no,
        round(corr(mine.score, theirs.score), 2) as correlation
    from marts.fct_dimension_scores as mine
    inner join marts.fct_dimension_scores as theirs using (edition, city_code)
    inner join marts.dim_dimensions as dimensions on mine.dimension_code = dimensions.dimension_code
    inner join marts.dim_dimensions as others on theirs.dimension_code = others.dimension_code
    where mine.edition = '2025'
    group by dimensions.dimension_no, dimensions.dimension_zh, others.dimension_no
)

pivot pairs
on other_no in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
using any_value(correlation)
group by dimension_no, dimension_zh
order by dimension_no
