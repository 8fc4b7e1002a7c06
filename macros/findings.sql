{% macro holds(value, operator, limit) -%}
    case {{ operator }}
        when 'above' then round({{ value }}, 9) > round({{ limit }}, 9)
        when 'at_least' then round({{ value }}, 9) >= round({{ limit }}, 9)
        when 'below' then round({{ value }}, 9) < round({{ limit }}, 9)
        when 'at_most' then round({{ value }}, 9) <= round({{ limit }}, 9)
        when 'equal' then round({{ value }}, 9) = round({{ limit }}, 9)
    end
{%- endmacro %}

{% macro number_text(value) -%}
    case
        when {{ value }} = round({{ value }}, 0)
            then cast(cast({{ value }} as bigint) as {{ dbt.type_string() }})
        when abs({{ value }}) >= 1000 then cast(round({{ value }}, 2) as {{ dbt.type_string() }})
        else cast(round({{ value }}, 3) as {{ dbt.type_string() }})
    end
{%- endmacro %}

{% macro evidence_list(where, language) -%}
    {{ dbt.listagg(
        "case when " ~ where ~ " then evidence_" ~ language ~ " end",
        {'zh': "'、'", 'en': "', '"}[language],
        "order by role, position",
    ) }}
{%- endmacro %}
