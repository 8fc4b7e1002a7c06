-- 我想找“梯队”，它在哪些表里？
-- I look for the tier of a city: which tables have it?
--
-- Learn: the file describes itself; duckdb_columns() gives every column with its comment in both languages.
-- Read: edition_changes has it before and after, rank_robustness the share of rankings that reach each tier.
-- The same texts stand in dictionary.md.

with asked as (
    select '梯队' as word
)

select
    columns.schema_name || '.' || columns.table_name as table_name,
    columns.column_name,
    columns.data_type,
    split_part(columns.comment, '. ', 1) as name
from duckdb_columns() as columns
inner join asked on contains(split_part(columns.comment, ' / ', 1), asked.word)
where columns.schema_name = 'marts'
order by table_name, columns.column_name
