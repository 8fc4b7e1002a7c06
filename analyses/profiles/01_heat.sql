-- 排名前十五的城市在哪些维度上“热”，哪些“冷”？
-- In which dimensions are the cities of rank 15 or better hot, and in which cold?
--
-- Learn: a case makes signs of ranks; pivot on listed numbers keeps the columns in the report's order.
-- Read: `++` is among the first ten, `+` in the first half, `-` in the second half, `--` among the last ten.
-- Columns: 1 经济实力, 2 科技创新, 3 消费活力, 4 数智赋能, 5 开放发展, 6 区域联动, 7 城市韧性, 8 绿色低碳, 9 市场环境, 10 文化生活.

with signs as (
    select
        profiles.city_code,
        profiles.city_zh,
        profiles.total_rank,
        dimensions.dimension_no,
        case
            when profiles.rank <= 10 then '++'
            when profiles.rank <= 30 then '+'
            when profiles.rank <= 50 then '-'
            else '--'
        end as sign
    from marts.city_profiles as profiles
    inner join marts.dim_dimensions as dimensions using (dimension_code)
    where profiles.edition = '2025' and profiles.total_rank <= 15
)

pivot signs
on dimension_no in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
using any_value(sign)
group by total_rank, city_code, city_zh
order by total_rank, city_code
