{#-
The ranking rules of the index, each a plain SQL expression. They hold for any number of cities.
A score counts places: with n known cities the first gets n, the last 1. `partition_by` names the
columns within which cities compete, e.g. 'edition, variable_code'. A NULL is not known: it is never
ranked, never counted, and its score is NULL.

`value` and `tie_rule` are SQL expressions, so both may differ from row to row.
-#}

{#- Turn a value so that more is better. Rounded to 9 digits: sums of floating numbers that should be equal, are. -#}
{% macro directed_value(value, direction) -%}
    round(
        case {{ direction }}
            when 'higher' then {{ value }}
            when 'lower' then -({{ value }})
            when 'nearest_to_zero' then -abs({{ value }})
        end, 9
    )
{%- endmacro %}

{#- Competition rank (1, 2, 2, 4): the best value is 1, NULL stays NULL. -#}
{% macro competition_rank(value, partition_by) -%}
    case when {{ value }} is not null then
        rank() over (
            partition by {{ partition_by }}, case when {{ value }} is null then 1 else 0 end
            order by {{ value }} desc
        )
    end
{%- endmacro %}

{#-
Points by rank. Ties share the better score (`better`: n + 1 - rank) or the worse one
(`worse`: 1 + number of cities strictly worse).
-#}
{% macro rank_score(value, tie_rule, partition_by) -%}
    case when {{ value }} is null then null
        when {{ tie_rule }} = 'better' then
            count({{ value }}) over (partition by {{ partition_by }})
            + 1 - {{ competition_rank(value, partition_by) }}
        when {{ tie_rule }} = 'worse' then
            rank() over (
                partition by {{ partition_by }}, case when {{ value }} is null then 1 else 0 end
                order by {{ value }}
            )
    end
{%- endmacro %}

{#-
Score of a variable by its scoring method:
  rank          by rank, see rank_score
  listed_rank   by rank among all cities; cities that the list does not name get 1.
                `is_listed` false marks them, whatever their value; NULL is not known
  level_points  the value is already the number of points of the city's level
-#}
{% macro variable_score(value, scoring_method, tie_rule, is_listed, partition_by) -%}
    case {{ scoring_method }}
        when 'rank' then {{ rank_score(value, tie_rule, partition_by) }}
        when 'listed_rank' then
            case when {{ is_listed }} is null then null
                when {{ is_listed }} then
                {{ rank_score(listed_value(value, is_listed), tie_rule, partition_by) }}
                {#- cities that are not listed stand behind every listed one -#}
                + count(case when not {{ is_listed }} then 1 end) over (partition by {{ partition_by }})
                else 1
            end
        when 'level_points' then {{ value }}
    end
{%- endmacro %}

{% macro listed_value(value, is_listed) -%}
    (case when {{ is_listed }} then {{ value }} end)
{%- endmacro %}
